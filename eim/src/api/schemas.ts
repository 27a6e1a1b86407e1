/** The schemas of the API: what is checked is what the OpenAPI document says. */

import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { DEVICE_LINKS } from "../domain/device-link.ts";
import { OPERATION_STATES } from "../domain/operation.ts";
import { CommandList, type CommandRequest, commandSchemas } from "./command-schemas.ts";
import { downloadFields, euiccDataFields } from "./download-schema.ts";
import { LastAttempts } from "./last-attempts-schema.ts";
import { SmdsPolling, SmdsPollingView } from "./smds-polling-schema.ts";
import { AwakeRule, sleepFields, WakeUpAddress } from "./wake-schemas.ts";

/** `expected` completes the sentence "... is not ..." of a validation message. */
const text = (pattern: string, expected: string, options: object = {}) =>
	Type.String({ pattern, expected, ...options });

export const EidText = text("^[0-9]{32}$", "an EID of 32 decimal digits", {
	examples: ["89049032000000000000000000000166"],
});
export const IccidText = text("^[0-9]{19,20}$", "an ICCID of 19 or 20 decimal digits");
export const Time = Type.String({ format: "date-time", description: "RFC 3339, UTC." });
export const Name = Type.String({ minLength: 1, maxLength: 100, expected: "a name of 1 to 100 characters" });
export const LabModeName = Type.String({
	minLength: 1,
	maxLength: 60,
	expected: "a lab mode name of 1 to 60 characters",
	description: "Names the lab mode that the device is in. Real devices have none.",
});

export const DeviceLinkName = Type.Union(
	DEVICE_LINKS.map((link) => Type.Literal(link)),
	{ expected: `one of ${DEVICE_LINKS.join(", ")}`, description: "Over what the device's last poll or result came." },
);

export const Tags = Type.Record(
	Type.String({ pattern: "^[A-Za-z0-9._/-]{1,64}$" }),
	Type.String({ maxLength: 256, expected: "a text of at most 256 characters" }),
	{ description: "Free labels, name to value.", additionalProperties: false },
);

const VERSIONS = ["1.0", "1.1", "1.2", "1.3"] as const;
const Version = (options: object) =>
	Type.Union(
		VERSIONS.map((version) => Type.Literal(version)),
		{ expected: "one of 1.0, 1.1, 1.2, 1.3", ...options },
	);
const NestedCertificateArms = Type.Boolean({
	description: "Certificates and keys inside CHOICE arms as a full SEQUENCE instead of the strict form.",
});
const versions = {
	version: Type.Optional(Version({ description: "Of SGP.32, as the IPA speaks it." })),
	euiccVersion: Type.Optional(Version({ description: "Of SGP.32, as the eUICC implements it." })),
};

export const Dialect = Type.Object(
	{ ...versions, nestedCertificateArms: Type.Optional(NestedCertificateArms) },
	{
		additionalProperties: false,
		description: "How this device speaks SGP.32. What is named is fixed, what is not is learnt from the device.",
	},
);

const DialectView = Type.Object(
	{
		version: Version({ description: "Of SGP.32, as the IPA speaks it." }),
		euiccVersion: versions.euiccVersion,
		nestedCertificateArms: NestedCertificateArms,
		versionFrom: Type.Optional(
			Type.String({
				description: "Where the version was learnt, `operator` when it was set; absent while it is assumed.",
			}),
		),
		euiccVersionFrom: Type.Optional(Type.String()),
	},
	{ description: "How this device speaks SGP.32, and how that is known." },
);

const Counter = Type.Integer({
	minimum: 0,
	maximum: 0x7fffff,
	description:
		"The last counter value that the eUICC has taken; lower than before only with another association token.",
});
const SigningKeyId = text("^[0-9A-F]{16}$", "the id of a signing key, as GET /api/v1/eim-keys names them", {
	description: "By which key of this eIM the card knows it; the current one when absent.",
});

export const NewDevice = Type.Object(
	{
		eid: EidText,
		name: Type.Optional(Name),
		tags: Type.Optional(Tags),
		dialect: Type.Optional(Dialect),
		associationToken: Type.Optional(
			Type.Integer({ minimum: 0, description: "As the eUICC gave it when this eIM was added; absent for none." }),
		),
		counter: Type.Optional(Counter),
		signingKeyId: Type.Optional(SigningKeyId),
	},
	{ additionalProperties: false, schemaName: "NewDevice" },
);
export type NewDevice = Static<typeof NewDevice>;

const orNull = <T extends TSchema>(schema: T) =>
	Type.Union([schema, Type.Null()], { expected: schema.expected ?? "valid" });

const InjectAddress = Type.Object(
	{
		url: Type.String({
			pattern: "^((https|coaps)://[^/\\s]+/?|mqtt:|lwm2m:)$",
			maxLength: 300,
			expected: "https://host[:443], coaps://host[:5684], mqtt: or lwm2m:",
			description:
				"Where the IPA takes packages, over HTTPS or over CoAP and DTLS; `mqtt:` over the eIM's MQTT broker, `lwm2m:` over the device's LwM2M registration.",
		}),
		certificate: Type.Optional(
			Type.String({
				pattern: "^\\s*-----BEGIN CERTIFICATE-----",
				maxLength: 20_000,
				expected: "a certificate in PEM",
				description: "The TLS certificate of the IPA's listener, or of the CA above it; for https:// alone.",
			}),
		),
		binding: Type.Optional(
			Type.Union([Type.Literal("asn1"), Type.Literal("json")], { expected: "asn1 or json", default: "asn1" }),
		),
	},
	{
		additionalProperties: false,
		description: "Packages are brought to the device, besides being polled for; null takes the address away.",
	},
);

export const DevicePatch = Type.Object(
	{
		name: Type.Optional(Name),
		tags: Type.Optional(Tags),
		labMode: Type.Optional(orNull(LabModeName)),
		acceptUnverified: Type.Optional(
			Type.Boolean({ description: "Results count without a verified signature; only in a named lab mode." }),
		),
		dialect: Type.Optional(Dialect),
		associationToken: Type.Optional(orNull(Type.Integer({ minimum: 0 }))),
		counter: Type.Optional(Counter),
		signingKeyId: Type.Optional(SigningKeyId),
		inject: Type.Optional(orNull(InjectAddress)),
		smdsPolling: Type.Optional(orNull(SmdsPolling)),
		wakeUp: Type.Optional(orNull(WakeUpAddress)),
		awake: Type.Optional(orNull(AwakeRule)),
		association: Type.Optional(
			Type.Union([Type.Literal("associated"), Type.Literal("released")], {
				expected: "associated or released",
				description:
					"`associated` after the card was told of this eIM anew (with its new associationToken and counter), `released` when another eIM has removed this one from the card.",
			}),
		),
	},
	{ additionalProperties: false, minProperties: 1, schemaName: "DevicePatch" },
);
export type DevicePatch = Static<typeof DevicePatch>;

export const DeviceView = Type.Object(
	{
		eid: EidText,
		name: Type.String(),
		tags: Type.Record(Type.String(), Type.String()),
		labMode: Type.Optional(Type.String()),
		acceptUnverified: Type.Boolean(),
		dialect: DialectView,
		associationToken: Type.Optional(Type.Integer()),
		counter: Type.Integer({ description: "The last counter value burnt for this device." }),
		association: Type.Union([Type.Literal("associated"), Type.Literal("released")], {
			description: "`released`: this eIM was removed from the eUICC, and nothing is sent to the device any more.",
		}),
		releasedAt: Type.Optional(Time),
		signingKeyId: Type.Optional(
			Type.String({ description: "The key of this eIM that the card verifies packages by." }),
		),
		tlsTrustId: Type.Optional(Type.String({ description: "What the card was told to trust as the TLS server." })),
		inject: Type.Optional(Type.Object({ url: Type.String(), binding: Type.String() })),
		smdsPolling: Type.Optional(SmdsPollingView),
		cardEims: Type.Optional(
			Type.Array(Type.Object({ eimId: Type.String(), idType: Type.Optional(Type.String()) }), {
				description: "The eIMs on the eUICC, as it last signed them (listEims).",
			}),
		),
		immediateEnable: Type.Optional(
			Type.Object({
				isAllowed: Type.Boolean(),
				smdpOid: Type.Optional(Type.String()),
				smdpAddress: Type.Optional(Type.String()),
			}),
		),
		hasCertificates: Type.Boolean({
			description: "The eUICC and EUM certificates are known: results can be verified.",
		}),
		euiccInfo1: Type.Optional(Type.String({ description: "EUICCInfo1, the whole TLV in hex." })),
		euiccInfo2: Type.Optional(Type.String({ description: "EUICCInfo2, the whole TLV in hex." })),
		ipaCapabilities: Type.Optional(Type.String({ description: "IpaCapabilities, the whole TLV in hex." })),
		deviceInfo: Type.Optional(Type.String({ description: "DeviceInfo (TAC, IMEI), the whole TLV in hex." })),
		rulesAuthorisationTable: Type.Optional(
			Type.String({ description: "Which policy rules the eUICC allows to which owners, the whole TLV in hex." }),
		),
		defaultSmdpAddress: Type.Optional(Type.String()),
		rootSmdsAddress: Type.Optional(Type.String()),
		...sleepFields,
		lastPollAt: Type.Optional(Time),
		lastLink: Type.Optional(DeviceLinkName),
		lastLinkAt: Type.Optional(Time),
		lastRplmn: Type.Optional(Type.String({ description: "Three octets in hex." })),
		lastNetwork: Type.Optional(
			Type.Object(
				{ mcc: Type.String(), mnc: Type.String() },
				{ description: "The network that the device last reported to be registered in: lastRplmn as digits." },
			),
		),
		lastStateChangeCause: Type.Optional(Type.Integer()),
		createdAt: Time,
	},
	{ schemaName: "Device" },
);

export const ProfileView = Type.Object(
	{
		iccid: Type.String(),
		state: Type.Union([Type.Literal("enabled"), Type.Literal("disabled")]),
		profileClass: Type.String(),
		isdpAid: Type.Optional(Type.String()),
		nickname: Type.Optional(Type.String()),
		serviceProviderName: Type.Optional(Type.String()),
		profileName: Type.Optional(Type.String()),
		isFallback: Type.Optional(Type.Boolean()),
		mayBecomeFallback: Type.Optional(Type.Boolean()),
		updatedAt: Time,
	},
	{ schemaName: "Profile" },
);

export const ExpiresIn = Type.Integer({
	minimum: 1,
	maximum: 31_536_000,
	description: "Seconds until the operation expires if no verified result has come.",
});

const order = <N extends string, P extends Record<string, TSchema>>(type: N, parameters: P, description: string) =>
	Type.Object(
		{ type: Type.Literal(type), ...parameters, expiresIn: Type.Optional(ExpiresIn) },
		{ additionalProperties: false, description },
	);

const Download = order(
	"download",
	downloadFields,
	"Profile download, by activation code, by SM-DP+ address and matching id, from the card's default SM-DP+, or by SM-DS.",
);
const ReadEuiccData = order(
	"readEuiccData",
	euiccDataFields,
	"Asks the IPA for certificates, EUICCInfo, its own capabilities, and for notifications and results on the card.",
);
const EuiccPackage = order(
	"euiccPackage",
	{ commands: CommandList },
	"Several commands in one package: one signature, one result, one final state; the outcome has what came of each.",
);

export const OperationRequest = Type.Union(
	[Download, ...commandSchemas({ expiresIn: Type.Optional(ExpiresIn) }), EuiccPackage, ReadEuiccData],
	{ schemaName: "OperationRequest" },
);
export type OperationRequest =
	| Static<typeof Download>
	| Static<typeof ReadEuiccData>
	| ((CommandRequest | { readonly type: "euiccPackage"; readonly commands: readonly CommandRequest[] }) & {
			readonly expiresIn?: number;
	  });

export const StateText = Type.Union(
	OPERATION_STATES.map((state) => Type.Literal(state)),
	{ schemaName: "OperationState", expected: `one of ${OPERATION_STATES.join(", ")}` },
);

export const Accepted = Type.Object(
	{
		id: Type.String(),
		state: Type.String({ description: "Accepted is not done: the operation waits for the next poll of the device." }),
		warnings: Type.Optional(Type.Array(Type.String())),
	},
	{ schemaName: "Accepted" },
);

export const OperationView = Type.Object(
	{
		id: Type.String(),
		eid: EidText,
		type: Type.String(),
		parameters: Type.Record(Type.String(), Type.Unknown(), {
			description: "As ordered; a confirmation code is masked.",
		}),
		origin: Type.Union([Type.Literal("operator"), Type.Literal("eim")]),
		state: Type.String(),
		reason: Type.Optional(Type.String({ description: "In words." })),
		code: Type.Optional(Type.String({ description: "The standard's own code." })),
		outcome: Type.Optional(
			Type.Record(Type.String(), Type.Unknown(), {
				description:
					"What came of it beyond its state. Of a package of several commands, `commands` has for each its type and state (succeeded, failed, notExecuted, unknown, rolledBack), code, and what the eUICC answered.",
			}),
		),
		createdAt: Time,
		updatedAt: Time,
		sentAt: Type.Optional(Time),
		finishedAt: Type.Optional(Time),
		expiresAt: Time,
		heldUntil: Type.Optional(
			Type.String({ format: "date-time", description: "Queued, and given to the device again after this moment." }),
		),
		lastAttempts: Type.Optional(LastAttempts),
	},
	{ schemaName: "Operation" },
);

export const NotificationView = Type.Object(
	{
		id: Type.String(),
		seqNumber: Type.Integer(),
		event: Type.String(),
		iccid: Type.Optional(Type.String()),
		address: Type.String({ description: "Where it is forwarded." }),
		receivedAt: Time,
		delivery: Type.Object({
			state: Type.Union([Type.Literal("waiting"), Type.Literal("delivered"), Type.Literal("givenUp")]),
			attempts: Type.Integer(),
			nextAttemptAt: Type.Optional(Time),
			completedAt: Type.Optional(Time),
			lastError: Type.Optional(Type.String()),
		}),
	},
	{ schemaName: "Notification" },
);

export const EventView = Type.Object(
	{
		id: Type.Integer(),
		at: Time,
		type: Type.String(),
		eid: Type.Optional(Type.String()),
		operationId: Type.Optional(Type.String()),
		facts: Type.Record(Type.String(), Type.Unknown()),
	},
	{ schemaName: "Event" },
);

export const SeenUnknownView = Type.Object(
	{ eid: Type.String(), firstSeenAt: Time, lastSeenAt: Time, times: Type.Integer() },
	{ schemaName: "SeenUnknown" },
);

export const AuditView = Type.Object(
	{
		id: Type.Integer(),
		at: Time,
		actor: Type.String(),
		action: Type.String(),
		subject: Type.String(),
		facts: Type.Record(Type.String(), Type.Unknown()),
	},
	{ schemaName: "AuditEntry" },
);

export const ApiKeyView = Type.Object(
	{
		id: Type.String(),
		name: Type.String(),
		readOnly: Type.Boolean(),
		createdAt: Time,
		lastUsedAt: Type.Optional(Time),
		revokedAt: Type.Optional(Time),
	},
	{ schemaName: "ApiKey" },
);

export const PageQuery = {
	limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })),
	cursor: Type.Optional(Type.String({ maxLength: 500, description: "`next` of the page before." })),
};

export const pageOf = <T extends TSchema>(item: T) =>
	Type.Object({
		items: Type.Array(item),
		next: Type.Optional(Type.String({ description: "Cursor of the next page; absent on the last." })),
	});
