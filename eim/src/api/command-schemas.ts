/** The commands of eUICC packages in the API: operations of their own, and parts of one package of several. */

import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { type EuiccCommandType, MOST_COMMANDS } from "../domain/euicc-command.ts";

const Iccid = Type.String({ pattern: "^[0-9]{19,20}$", expected: "an ICCID of 19 or 20 decimal digits" });
const SmdpAddress = Type.String({
	pattern: "^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$",
	maxLength: 255,
	expected: "an FQDN with an optional :port",
});
const EimIdText = Type.String({ minLength: 1, maxLength: 128, expected: "an eimId of 1 to 128 characters" });
const Configuration = Type.String({
	pattern: "^[A-Za-z0-9+/_-]+={0,2}$",
	maxLength: 20_000,
	expected: "eIM configuration data in base64",
	description:
		"What the other eIM gives out for cards, in base64: `der` of its GET /api/v1/eim-configuration (AddInitialEimRequest), or EimConfigurationData.",
});
const Search = Type.Object(
	{
		iccid: Type.Optional(Iccid),
		isdpAid: Type.Optional(
			Type.String({ pattern: "^([0-9A-Fa-f]{2}){5,16}$", expected: "an AID of 5 to 16 octets in hex" }),
		),
		profileClass: Type.Optional(
			Type.Union([Type.Literal("operational"), Type.Literal("provisioning"), Type.Literal("test")], {
				expected: "operational, provisioning or test",
			}),
		),
	},
	{
		additionalProperties: false,
		minProperties: 1,
		maxProperties: 1,
		description: "Only the profiles found by one of these; all without it.",
	},
);
const ProfileTags = Type.Array(
	Type.String({
		pattern: "^[0-9A-Fa-f]{2}([0-9A-Fa-f]{2})?$",
		expected: "a tag of one or two octets in hex",
	}),
	{
		minItems: 2,
		maxItems: 30,
		description:
			"Members of ProfileInfo to ask for, by their tags; 5A (ICCID) and 9F70 (state) have to be among them. By default all that the eIM keeps.",
	},
);

interface Fields {
	readonly description: string;
	readonly fields: Readonly<Record<string, TSchema>>;
}

/** What each command takes; its `type` apart. */
const commands = {
	enable: {
		description: "Enables a profile; whichever was enabled before is disabled.",
		fields: {
			iccid: Iccid,
			rollback: Type.Optional(
				Type.Boolean({ default: true, description: "The device may go back when it finds no way to the eIM." }),
			),
		},
	},
	disable: { description: "Disables a profile.", fields: { iccid: Iccid } },
	delete: { description: "Deletes a disabled profile.", fields: { iccid: Iccid } },
	listProfiles: {
		description: "Asks the eUICC for its profiles.",
		fields: { search: Type.Optional(Search), tags: Type.Optional(ProfileTags) },
	},
	getRat: { description: "Asks the eUICC for its Rules Authorisation Table.", fields: {} },
	configureImmediateEnable: {
		description: "Says whether a profile may be enabled by the device right after its download, and of which SM-DP+.",
		fields: {
			allowed: Type.Boolean({ description: "False takes the leave away." }),
			smdpOid: Type.Optional(
				Type.String({
					pattern: "^[0-2](\\.(0|[1-9][0-9]*))+$",
					maxLength: 200,
					expected: "a dotted object identifier",
				}),
			),
			smdpAddress: Type.Optional(SmdpAddress),
		},
	},
	setFallbackAttribute: {
		description: "Makes a profile the fallback profile in the place of the one that was.",
		fields: { iccid: Iccid },
	},
	unsetFallbackAttribute: { description: "Leaves the eUICC without a fallback profile.", fields: {} },
	setDefaultDpAddress: {
		description: "Sets the default SM-DP+ of the eUICC; null takes it away.",
		fields: {
			smdpAddress: Type.Union([SmdpAddress, Type.Null()], { expected: "an FQDN with an optional :port, or null" }),
		},
	},
	addEim: {
		description: "Adds another eIM to the eUICC; the outcome names the association token that the eUICC chose for it.",
		fields: { configuration: Configuration },
	},
	deleteEim: {
		description: "Removes an eIM from the eUICC. Removing this eIM itself releases the device.",
		fields: { eimId: EimIdText },
	},
	updateEim: {
		description:
			"Changes what the eUICC knows of an eIM. Without a configuration: the signing key, TLS trust and address that this eIM has now.",
		fields: { configuration: Type.Optional(Configuration) },
	},
	listEims: { description: "Asks the eUICC for the eIMs that it knows.", fields: {} },
} as const satisfies Readonly<Record<EuiccCommandType, Fields>>;

type Commands = typeof commands;

/** The request of one command. */
export type CommandRequest = {
	[T in EuiccCommandType]: { readonly type: T } & Static<ReturnType<typeof Type.Object<Commands[T]["fields"]>>>;
}[EuiccCommandType];

/** One schema for each command, with fields that an operation adds. */
export function commandSchemas<E extends Readonly<Record<string, TSchema>>>(extra: E) {
	return Object.entries(commands).map(([type, { fields, description }]) =>
		Type.Object({ type: Type.Literal(type), ...fields, ...extra }, { additionalProperties: false, description }),
	);
}

/** The commands of a package of several, in the order of their execution. */
export const CommandList = Type.Array(Type.Union(commandSchemas({}), { schemaName: "EuiccCommand" }), {
	minItems: 1,
	maxItems: MOST_COMMANDS,
	description:
		"Executed in this order up to the first failure. Commands on profiles and on eIMs need a package each; at most one enable and one disable; listProfiles before any of enable, disable, delete.",
});
