#!/usr/bin/env bash
# Shows what happened to a device, then what happens from now on, for some seconds.
#
#   events.sh [SECONDS]              5 when absent
set -euo pipefail
source "$(dirname "$0")/common.sh"
seconds=${1:-5}

eim events --eid "$EID"

# Server-sent events. After a break a client sends `Last-Event-ID: N` and misses nothing; here: all from the beginning.
api GET "/api/v1/events?eid=$EID" --header "Accept: text/event-stream" --header "Last-Event-ID: 0" --no-buffer \
	--max-time "$seconds" 2>/dev/null || [ $? = 28 ] # 28: the time is over
