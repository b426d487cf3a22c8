# TEST<TAB>OUTCOME of each attack, from a list of known failures and then what the runner printed.
# What fails at times (~) falls, also when it did not this time.
/^~/ { reason = $0; sub(/^[^#]*# */, "", reason); test = $1; sub(/^~/, "", test); at_times[test] = reason; next }
!/^test [a-z_0-9:]+ +\.\.\. / { next }
{ test = $2; outcome = $0; sub(/^test [^ ]+ +\.\.\. /, "", outcome) }
test in at_times { print test "\tfalls at times: " at_times[test]; next }
outcome == "ok" { print test "\twithstands"; next }
outcome ~ /^ignored \(/ { sub(/^ignored \(/, "", outcome); sub(/\)$/, "", outcome) }
outcome ~ /^known failure: / { sub(/^known failure: /, "falls: ", outcome); print test "\t" outcome; next }
outcome ~ /^the runtime does not / { print test "\tnot applicable"; next }
outcome == "FAILED" { print test "\tfalls"; next }
{ print test "\tskipped: " outcome }
