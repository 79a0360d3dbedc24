"""What must not be shown: the passwords in the storage URLs that users write.

They may come along in a command line, in an error of a driver, in a traceback; so whatever is told or logged passes
through here.
"""

import re

_SECRETS = (
    (re.compile(r"(://[^\s:/@]*):\S*@"), r"\1:***@"),
    (re.compile(r"([?&](?:password|passwd|sslpassword|token)=)[^\s&;,'\")]+", re.IGNORECASE), r"\1***"),
)


def hide_secrets(text: str) -> str:
    """Return a text without the passwords of the URLs in it; it may hide too much, never too little.

    >>> hide_secrets("cannot open postgresql://ann:s:e/cr@t@host/db")
    'cannot open postgresql://ann:***@host/db'
    >>> hide_secrets("mysql://host/db?user=ann&password=secret&charset=utf8")
    'mysql://host/db?user=ann&password=***&charset=utf8'
    """
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return text
