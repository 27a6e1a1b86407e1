import { Type } from "@sinclair/typebox";

const LastAttempt = Type.Object({
	what: Type.Union([Type.Literal("inject"), Type.Literal("wakeUp")]),
	via: Type.String({ description: "The link of the device's inject address, or the way of the wake-up." }),
	state: Type.String({
		description:
			"`failed`; `sending`: under way; `brought`: the device has taken the package and owes its result; `sent`, `delivered`, `undelivered` of a wake-up.",
	}),
	at: Type.Optional(
		Type.String({ format: "date-time", description: "Absent while it, or the next one, is under way." }),
	),
	detail: Type.Optional(Type.String({ description: "Why it failed, or what is waited for." })),
	attempts: Type.Optional(Type.Integer({ description: "Tries since something was last ordered, with this one." })),
	nextAt: Type.Optional(Type.String({ format: "date-time" })),
});

/** What an operation that waits for its device shows of the eIM's own attempts. */
export const LastAttempts = Type.Array(LastAttempt, {
	description:
		"While it waits for the device: how the eIM last tried to bring it there (`inject`) or to wake the device, since it was ordered.",
});
