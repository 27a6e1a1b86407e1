import type { Eid } from "@iot-esim/shared/ids/eid";
/** An EID that polled without being registered. The list is bounded: the one not seen for longest goes first. */
export interface SeenUnknown {
	readonly eid: Eid;
	readonly firstSeenAt: number;
	readonly lastSeenAt: number;
	readonly times: number;
}
