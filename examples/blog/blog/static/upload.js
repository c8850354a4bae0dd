"use strict";

// Shows how far the files of a form have come. Without scripts the form works as any other.
for (const form of document.querySelectorAll("form[data-upload]")) {
  form.addEventListener("submit", (event) => {
    const chosen = [...form.querySelectorAll("input[type=file]")].some((input) => input.files.length);
    if (!chosen) return;
    event.preventDefault();
    const bar = form.querySelector("progress");
    const button = form.querySelector("button");
    const request = new XMLHttpRequest();
    request.upload.addEventListener("progress", (step) => {
      if (step.lengthComputable) bar.value = step.loaded / step.total;
    });
    request.addEventListener("load", () => {
      history.replaceState(null, "", request.responseURL);
      document.open();
      document.write(request.responseText);
      document.close();
    });
    request.addEventListener("error", () => {
      bar.hidden = true;
      button.disabled = false;
      button.textContent = "Try again";
    });
    bar.hidden = false;
    button.disabled = true;
    request.open("POST", form.action || location.href);
    request.send(new FormData(form));
  });
}
