import { Type } from "@sinclair/typebox";

const SmdsAddress = Type.String({
	pattern: "^[A-Za-z0-9]([A-Za-z0-9.-]{0,253}[A-Za-z0-9])?(:[0-9]{1,5})?$",
	expected: "the name of an SM-DS with an optional :port",
	description: "The SM-DS; that of the configuration (smds.address), else the card's root SM-DS, when absent.",
});
export const SmdsPolling = Type.Object(
	{
		every: Type.Integer({
			minimum: 60,
			maximum: 31_536_000,
			expected: "seconds from 60 to 31536000",
			description: "Seconds from one question to the next, varied by a tenth.",
		}),
		address: Type.Optional(SmdsAddress),
	},
	{
		additionalProperties: false,
		description: "The eIM asks an SM-DS for the device again and again; each event that it finds is downloaded once.",
	},
);

export const SmdsPollingView = Type.Object({
	every: Type.Integer({ description: "Seconds." }),
	address: Type.Optional(Type.String()),
	nextAt: Type.Optional(Type.String({ format: "date-time", description: "RFC 3339, UTC." })),
	lastOperationId: Type.Optional(
		Type.String({ description: "The last question: an operation that the eIM ordered by itself." }),
	),
	lastError: Type.Optional(
		Type.String({
			description: "Why the last question failed; failures double the time to the next, up to a day.",
		}),
	),
});
