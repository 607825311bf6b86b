"""Every channel variable that passes between the dialplan and this door. A test compares it with `dialplan/`."""

CALL_ID = "CALL_ID"
"""UUID the dialplan makes before anything else; names the call everywhere."""

CALL_LANGUAGE = "CALL_LANGUAGE"
"""ISO 639-1 code the call begins in; set by the dialplan, empty for the scenario's own. A transfer sets it to the
language the caller came to speak, for the dialplan's announcements."""

CALL_REASON = "CALL_REASON"
"""Why a person takes over (`dialogue.turns.TransferReason`); set before the marker."""

CALL_OUTCOME = "CALL_OUTCOME"
"""The marker, set as the very last command: ``completed`` or ``transfer``. Missing means the door died."""

CALL_OPERATOR_CHANNEL = "CALL_OPERATOR_CHANNEL"
"""Channel of an operator who accepted a warm transfer, for the dialplan to bridge the caller with."""

MEMBERINTERFACE = "MEMBERINTERFACE"
"""Who that operator is, under the name the queue uses, so that the end report needs no second rule."""

AUDIOSOCKET_ID = "AUDIOSOCKET_ID"
"""UUID that the dialplan's AudioSocket() names itself with; empty where the door takes no call."""

AUDIOSOCKET_SERVER = "AUDIOSOCKET_SERVER"
"""host:port the dialplan's AudioSocket() connects to."""
