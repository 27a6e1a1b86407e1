/** What an order for a download, or for the data of an eUICC, may say. */

import { Type } from "@sinclair/typebox";

const text = (pattern: string, expected: string, options: object = {}) =>
	Type.String({ pattern, expected, ...options });

const ADDRESS = "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$";
const address = (options: object = {}) =>
	text(ADDRESS, "an FQDN with an optional :port", { maxLength: 255, ...options });

const one = <const V extends readonly string[]>(values: V, options: object = {}) =>
	Type.Union(
		values.map((value) => Type.Literal(value as V[number])),
		{ expected: `one of ${values.join(", ")}`, ...options },
	);

export const downloadFields = {
	activationCode: Type.Optional(Type.String({ maxLength: 500, examples: ["LPA:1$smdp.example.com$ABC-123"] })),
	smdpAddress: Type.Optional(address()),
	matchingId: Type.Optional(text("^[A-Za-z0-9-]*$", "a matching id of letters, digits and -", { maxLength: 255 })),
	contactDefaultSmdp: Type.Optional(
		Type.Literal(true, { expected: "true", description: "From the SM-DP+ that the card has as its default." }),
	),
	contactSmds: Type.Optional(
		Type.Object(
			{ smdsAddress: Type.Optional(address({ description: "The card's root SM-DS when absent." })) },
			{ additionalProperties: false, description: "From whichever SM-DP+ an SM-DS names for this eUICC." },
		),
	),
	mode: Type.Optional(
		one(["direct", "indirect"], {
			description:
				"Who speaks to the SM-DP+: the device (direct) or this eIM (indirect). When absent, as the IPA does it.",
		}),
	),
	confirmationCode: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
	expected: Type.Optional(
		Type.Object(
			{
				iccid: Type.Optional(text("^[0-9]{19,20}$", "an ICCID of 19 or 20 decimal digits")),
				profileClass: Type.Optional(one(["operational", "provisioning", "test"])),
				owner: Type.Optional(text("^[0-9]{5,6}$", "MCC and MNC of 5 or 6 digits")),
			},
			{
				additionalProperties: false,
				minProperties: 1,
				description: "What the profile has to be; another one is refused before it is loaded (indirect downloads).",
			},
		),
	),
};

const seqNumber = Type.Integer({ minimum: 0, maximum: 0x7fff_ffff });

export const euiccDataFields = {
	tags: Type.Optional(
		Type.Array(text("^[0-9A-Fa-f]{2}([0-9A-Fa-f]{2})?$", "a tag of one or two octets in hex"), {
			minItems: 1,
			maxItems: 20,
			description: "Tags of IpaEuiccData; by default those that every IPA knows.",
		}),
	),
	ciPublicKeyId: Type.Optional(
		text("^([0-9A-Fa-f]{2}){1,32}$", "a key identifier in hex", {
			description: "Certificates under this CI, by its SubjectKeyIdentifier.",
		}),
	),
	notifications: Type.Optional(
		Type.Union(
			[
				Type.Object({ seqNumber }, { additionalProperties: false }),
				Type.Object({ event: one(["install", "enable", "disable", "delete"]) }, { additionalProperties: false }),
			],
			{
				expected: "an object with seqNumber or event",
				description: "Only these of the notifications that are still on the card.",
			},
		),
	),
	packageResults: Type.Optional(
		Type.Object(
			{ seqNumber },
			{ additionalProperties: false, description: "Only this one of the package results that are still on the card." },
		),
	),
};
