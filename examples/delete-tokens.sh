#!/bin/sh
# Deletes the tokens whose ids are on standard input, one a line, and reports each. Their hosts stay enrolled.
#   gatepass token list --unused 30d -o id | sh delete-tokens.sh
# Server and credential come from the profile or the environment, as for every gatepass command.
# Exit codes: 0 all are deleted; 1 some are not.
set -u
line=0
failed=0
while IFS= read -r id || [ -n "$id" ]; do
  line=$((line + 1))
  [ -n "$id" ] || continue
  if ! gatepass token revoke --yes -- "$id" </dev/null; then
    # The line may be a whole token by mistake, so it is not repeated.
    echo "line $line: not deleted" >&2
    failed=$((failed + 1))
  fi
done
[ "$failed" -eq 0 ] || echo "$failed of the tokens were not deleted" >&2
[ "$failed" -eq 0 ]
