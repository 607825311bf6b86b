#!/usr/bin/env bash
# Installs what the sandbox needs on Debian 12+ or Ubuntu 24.04+: system packages and a real Asterisk.
# Usage: install.sh demo|test
# Needs root (it calls sudo where it is not); says so, and does nothing, where everything is there already.
set -euo pipefail
cd "$(dirname "$0")/../.."

want=${1:-demo}
root_fs=var/asterisk-root
packages=(python3-venv bubblewrap espeak-ng flite mmdebstrap debian-archive-keyring)
if [ "$want" = test ]; then
  packages+=(postgresql redis-server chromium sip-tester)
fi
if [ "$want" = test ] && grep -q '^ID=ubuntu' /etc/os-release; then
  # Ubuntu's package "chromium" is a stub for snap; its browser of that name is chromium-browser.
  packages=("${packages[@]/#chromium/chromium-browser}")
fi

say() { printf '== %s\n' "$*"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; return; fi
  if ! command -v sudo >/dev/null; then
    echo "This step needs root and there is no sudo: run '$0 $want' once as root, then go on as yourself." >&2
    exit 1
  fi
  sudo "$@"
}

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "Installing system packages (needs root): ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# Whether an Asterisk has no hole that is known: dialplan/README.md says which versions. pbx.py decides the same way.
new_enough() {
  local version
  version=$("$@" -V 2>/dev/null | sed -n 's/^Asterisk \([0-9.]*\).*/\1/p')
  [ -n "$version" ] || return 1
  case "$version" in
    20.*) dpkg --compare-versions "$version" ge 20.20.1 ;;
    *) dpkg --compare-versions "$version" ge 22.10.1 ;;
  esac
}

if [ -x "$root_fs/usr/sbin/asterisk" ] || new_enough /usr/sbin/asterisk; then
  exit 0
fi
say "Fetching Asterisk into $root_fs (about half a minute, 350 MB; needs root)"
mkdir -p var
# Built beside and then renamed: an interrupted run leaves no half behind that looks like a whole.
as_root rm -rf "$root_fs.part"
if as_root mmdebstrap --quiet --variant=apt --aptopt='Acquire::Check-Valid-Until "false"' \
  --include=asterisk,asterisk-modules,asterisk-core-sounds-en,asterisk-core-sounds-ru \
  forky "$root_fs.part"; then
  as_root chmod -R a+rX "$root_fs.part"
  as_root mv "$root_fs.part" "$root_fs"
elif [ -x /usr/sbin/asterisk ]; then
  say "WARNING: that failed; the installed $(/usr/sbin/asterisk -V) is used. It is older than 22.10.1 and has known holes."
else
  say "That failed; installing the distribution's Asterisk instead. WARNING: versions before 22.10.1 have known holes."
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends asterisk >/dev/null
fi
