/** Schemas of waking devices that sleep, and of what is known of their sleep. */

import { type Static, Type } from "@sinclair/typebox";

const WakeUpBySms = Type.Object(
	{
		via: Type.Literal("sms"),
		msisdn: Type.String({
			pattern: "^\\+?[1-9][0-9]{5,14}$",
			expected: "a number in international form, as +491701234567",
		}),
		port: Type.Optional(
			Type.Integer({ minimum: 1, maximum: 65_535, description: "Destination port of the application in the device." }),
		),
		payload: Type.Optional(
			Type.String({
				pattern: "^([0-9A-Fa-f]{2}){1,120}$",
				expected: "1 to 120 octets in hex",
				description: "What stands in the message; smpp.payload when absent.",
			}),
		),
	},
	{ additionalProperties: false },
);

const WakeUpByWebhook = Type.Object(
	{
		via: Type.Literal("webhook"),
		url: Type.Optional(
			Type.String({ maxLength: 500, description: "On a host of wake.webhook.allow; wake.webhook.url when absent." }),
		),
		reference: Type.Optional(
			Type.String({
				minLength: 1,
				maxLength: 200,
				description: "What the platform calls the device; it is given back.",
			}),
		),
	},
	{ additionalProperties: false },
);

export const WakeUpAddress = Type.Union([WakeUpBySms, WakeUpByWebhook], {
	expected: "{ via: sms, msisdn } or { via: webhook }",
	description: "How the device is asked to poll when something waits for it while it sleeps.",
});
export type WakeUpAddress = Static<typeof WakeUpAddress>;

const seconds = (minimum: number, description: string) =>
	Type.Integer({ minimum, maximum: 31_536_000, expected: `seconds from ${minimum} to 31536000`, description });
const timer = (name: string) =>
	Type.Union(
		[
			Type.Integer({ minimum: 2, maximum: 36_000_000 }),
			Type.String({ pattern: "^[01]{8}$", description: "As AT+CPSMS writes it." }),
		],
		{ expected: "seconds, or the eight bits of AT+CPSMS", description: name },
	);

export const AwakeRule = Type.Union(
	[
		Type.Object(
			{
				every: seconds(60, "Seconds from one waking to the next."),
				for: seconds(1, "Seconds that it stays awake."),
				at: Type.Optional(
					Type.String({
						pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,3})?)?(Z|[+-]\\d\\d:\\d\\d)$",
						expected: "a moment as 2026-01-01T00:00:00Z",
						description: "A moment at which it wakes; its last waking when absent.",
					}),
				),
			},
			{ additionalProperties: false },
		),
		Type.Object(
			{
				psm: Type.Object(
					{
						periodicTimer: timer("T3412 extended, as the network has granted it."),
						activeTimer: timer("T3324, as the network has granted it."),
					},
					{ additionalProperties: false, description: "Power saving mode." },
				),
			},
			{ additionalProperties: false },
		),
		Type.Object(
			{
				edrx: Type.Object(
					{ cycle: seconds(5, "Seconds."), window: seconds(1, "Paging time window, seconds.") },
					{ additionalProperties: false, description: "Extended discontinuous reception." },
				),
			},
			{ additionalProperties: false },
		),
	],
	{
		expected: "{ every, for }, { psm: { periodicTimer, activeTimer } } or { edrx: { cycle, window } }",
		description: "When the device is awake; packages are brought to it (inject) only then.",
	},
);
export type AwakeRule = Static<typeof AwakeRule>;

/** Fields of a device that sleeps. */
export const sleepFields = {
	wakeUp: Type.Optional(WakeUpAddress),
	awake: Type.Optional(
		Type.Object({
			by: Type.Union([Type.Literal("schedule"), Type.Literal("psm"), Type.Literal("edrx")]),
			every: Type.Number({ description: "Seconds." }),
			for: Type.Number({ description: "Seconds." }),
			at: Type.Optional(Type.String({ format: "date-time" })),
		}),
	),
	rhythm: Type.Optional(
		Type.Object(
			{
				every: Type.Number({ description: "Seconds from one waking to the next: the middle one of the last." }),
				jitter: Type.Number({ description: "Seconds by which three of four wakings stray from that at most." }),
			},
			{ description: "As its polls show it." },
		),
	),
	nextExpected: Type.Optional(
		Type.Object(
			{
				from: Type.String({ format: "date-time" }),
				until: Type.String({ format: "date-time" }),
				isAwake: Type.Boolean({ description: "The device is taken to be awake now." }),
				by: Type.Union([Type.Literal("polls"), Type.Literal("schedule"), Type.Literal("psm"), Type.Literal("edrx")], {
					description: "What this is concluded from.",
				}),
			},
			{ description: "When the device can be reached next; absent while nothing is known of its sleep." },
		),
	),
};

export const WakeUpView = Type.Object(
	{
		id: Type.String(),
		via: Type.String(),
		state: Type.Union(
			[
				Type.Literal("sending"),
				Type.Literal("sent"),
				Type.Literal("delivered"),
				Type.Literal("undelivered"),
				Type.Literal("failed"),
			],
			{ description: "`sent`: taken by the SMSC or the platform; `delivered`: the SMSC says that the device has it." },
		),
		waiting: Type.Integer({ description: "How many operations waited for the device." }),
		reference: Type.Optional(Type.String({ description: "The SMSC's id of the message." })),
		error: Type.Optional(Type.String()),
		createdAt: Type.String({ format: "date-time" }),
		updatedAt: Type.String({ format: "date-time" }),
	},
	{ schemaName: "WakeUp" },
);
