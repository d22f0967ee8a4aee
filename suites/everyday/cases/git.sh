# A repository of 10,000 files: added, committed, changed, and looked at.
# needs: git python3
set -euo pipefail
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
# Nothing may go on behind our back.
export GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_0=gc.auto GIT_CONFIG_VALUE_0=0
export GIT_CONFIG_KEY_1=maintenance.auto GIT_CONFIG_VALUE_1=false
python3 - <<'PYTHON'
import os
for folder in range(100):
    os.makedirs(f"tree/{folder}")
    for file in range(100):
        with open(f"tree/{folder}/{file}", "w") as text:
            text.write(f"{folder} {file}\n" * 3)
PYTHON
git init -q -b main .
git status --porcelain
git add .
git commit -q -m first
git status
echo more >>tree/3/14
rm tree/15/92
echo new >tree/65/new
git status --porcelain
git diff --stat
git commit -q -a -m second
git log --format='%H %T %s'
git ls-files | sha256sum
git gc -q
git fsck
