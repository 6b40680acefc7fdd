# Where the registration token of a silent installation comes from, in this order:
#   OBHUT_TOKEN_FILE in the environment of the package manager
#   inside the package file, where the partner put one in (obhut-sign package)
#   beside the package file: PACKAGE.token, or obhut-agent.token
# It is copied for the agent, which takes it once. Nothing of it is printed.
obhut_left_token=/var/lib/obhut/token

# The package file as the program that started this script was told it, or nothing.
obhut_package_file() {
  tr '\0' '\n' <"/proc/$PPID/cmdline" 2>/dev/null | while IFS= read -r word; do
    case $word in
      *.@SUFFIX@) if [ -f "$word" ] && obhut_is_ours "$word"; then printf '%s\n' "$word"; break; fi ;;
    esac
  done
}

obhut_keep_token() {  # from standard input
  mkdir -p -m 0700 /var/lib/obhut
  ( umask 077 && cat >"$obhut_left_token.new" ) && mv "$obhut_left_token.new" "$obhut_left_token"
}

obhut_take_token() {
  if [ -n "${OBHUT_TOKEN_FILE:-}" ]; then
    if [ ! -r "$OBHUT_TOKEN_FILE" ] || [ ! -s "$OBHUT_TOKEN_FILE" ]; then
      echo "obhut-agent: OBHUT_TOKEN_FILE names $OBHUT_TOKEN_FILE, which is no file that can be read: nothing is installed" >&2
      exit 1
    fi
    obhut_keep_token <"$OBHUT_TOKEN_FILE"
    return
  fi
  package=$(obhut_package_file)
  [ -n "$package" ] || return 0
  if obhut_token_inside "$package" | obhut_keep_token && [ -s "$obhut_left_token" ]; then return; fi
  rm -f "$obhut_left_token"
  for beside in "$package.token" "${package%/*}/obhut-agent.token"; do
    if [ -s "$beside" ]; then
      obhut_keep_token <"$beside"
      return
    fi
  done
}
