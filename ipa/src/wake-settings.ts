import { setting } from "@iot-esim/shared/runtime/setting";
import { Hours, Seconds } from "@iot-esim/shared/util/duration";

/** Settings of being woken from outside (docs/operations/push.md). */
export const wakeSettings = {
	"wake.socket": setting.path({
		description:
			"Unix socket: whoever connects ends the pause between polls, as a modem's program does on a short message",
		optional: true,
		example: "/run/ipa/wake.sock",
	}),
	"wake.interval": setting.duration({
		description: "Shortest time between two polls that were asked for over wake.socket",
		min: Seconds(1),
		max: Hours(24),
		default: Seconds(30),
	}),
} as const;
