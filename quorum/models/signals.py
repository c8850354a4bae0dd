"""The moments in a document's life, as blinker signals: `signals.post_save.connect(function, sender=Post)`.

A receiver is called as `function(sender, document=document)`, after the model's own hook of the same name.
"""

from __future__ import annotations

from blinker import Namespace

_moments = Namespace()

pre_validate = _moments.signal("pre_validate")
post_validate = _moments.signal("post_validate")
pre_save = _moments.signal("pre_save")
post_save = _moments.signal("post_save")
pre_create = _moments.signal("pre_create")
post_create = _moments.signal("post_create")
pre_update = _moments.signal("pre_update")
post_update = _moments.signal("post_update")
pre_delete = _moments.signal("pre_delete")
post_delete = _moments.signal("post_delete")
