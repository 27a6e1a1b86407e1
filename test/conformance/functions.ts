/** What SGP.32 and the interfaces beside it ask of each side: the rows of docs/conformance.md, proven or not. */

import { PROCEDURES } from "./procedures.ts";

/** Who has a part in a function. */
export type Side = "eIM" | "IPA" | "eUICC" | "SM-DP+" | "SM-DS" | "whole chain";

/** What carries ESipa in ASN.1 besides HTTPS. */
export type OtherTransport = "coap" | "coaps+tcp" | "mqtt" | "lwm2m";

/** How the messages of a function are written, or what carries them; "" where there is one way only. */
export type Binding = "asn1" | "json" | OtherTransport | "";

export interface Interface {
	readonly name: string;
	readonly section: string;
	readonly sides: readonly Side[];
	readonly bindings: readonly Binding[];
	/** Names as tests claim them, without the name of the interface. */
	readonly functions: readonly string[];
	/** A claim counts only when the bench has seen the function in the test (`observation.ts`). */
	readonly isObserved?: true;
	/** Why cells of a function are open, where it is known. */
	readonly open?: Readonly<Record<string, string>>;
}

const ONE_WAY: readonly Binding[] = [""];
const BOTH: readonly Binding[] = ["asn1", "json"];
const OTHER_TRANSPORTS: readonly Binding[] = ["coap", "coaps+tcp", "mqtt", "lwm2m"];

/** The procedures once more, over what carries ESipa besides HTTPS. */
export const OVER_OTHER_TRANSPORTS = "Procedures over other transports";

export const INTERFACES: readonly Interface[] = [
	{
		name: "Procedures",
		section:
			"Chapter 3 of SGP.32, and what the functions of section 5 do together; the number is given where a source at hand has it",
		sides: ["whole chain"],
		bindings: BOTH,
		functions: PROCEDURES,
	},
	{
		name: OVER_OTHER_TRANSPORTS,
		section:
			"ESipa in ASN.1 over CoAP, CoAP on TLS (RFC 8323), MQTT and LwM2M, as docs/operations describes them; how many octets each takes is in [wire.md](wire.md)",
		sides: ["whole chain"],
		bindings: OTHER_TRANSPORTS,
		functions: PROCEDURES,
	},
	{
		name: "ESipa",
		isObserved: true,
		section: "SGP.32 section 5.14, bindings 6.3 and 6.4",
		sides: ["eIM", "IPA"],
		bindings: BOTH,
		functions: [
			"GetEimPackage",
			"ProvideEimPackageResult",
			"TransferEimPackage",
			"InitiateAuthentication",
			"AuthenticateClient",
			"GetBoundProfilePackage",
			"HandleNotification",
			"CancelSession",
		],
	},
	{
		name: "ESep PSMO",
		isObserved: true,
		section: "SGP.32 sections 2.11.1 and 5.13, inside of EuiccPackageRequest",
		sides: ["eIM", "IPA", "eUICC"],
		bindings: BOTH,
		functions: [
			"enable",
			"enable with rollback",
			"disable",
			"delete",
			"listProfileInfo",
			"listProfileInfo with search and tag list",
			"getRAT",
			"configureImmediateEnable",
			"setFallbackAttribute",
			"unsetFallbackAttribute",
			"setDefaultDpAddress",
		],
	},
	{
		name: "ESep eCO",
		isObserved: true,
		section: "SGP.32 sections 2.11.1 and 5.13, inside of EuiccPackageRequest",
		sides: ["eIM", "IPA", "eUICC"],
		bindings: BOTH,
		functions: ["addEim", "deleteEim", "updateEim", "listEim"],
	},
	{
		name: "eIM packages",
		isObserved: true,
		section: "SGP.32 sections 2.11.1 and 2.11.2, 3.2 to 3.6",
		sides: ["eIM", "IPA"],
		bindings: BOTH,
		functions: [
			"several commands in one package",
			"partial results",
			"processingTerminated",
			"signed error",
			"unsigned error",
			"rollbackResult",
			"IpaEuiccDataRequest",
			"notifyStateChange",
			"indirect download by activation code",
			"indirect download from the default SM-DP+",
			"indirect download by SM-DS",
			"direct download by activation code",
			"direct download from the default SM-DP+",
			"direct download by SM-DS",
			"compact messages",
			"hand-over to another eIM",
			"eIM key roll-over",
		],
	},
	{
		name: "Compact messages",
		isObserved: true,
		section: "minimizeEsipaBytes of SGP.32 v1.2: the IPA leaves out what the eIM puts in again, octet by octet",
		sides: ["eIM", "IPA"],
		bindings: BOTH,
		functions: [
			"AuthenticateClient",
			"GetBoundProfilePackage",
			"CancelSession",
			"HandleNotification",
			"ProvideEimPackageResult with notifications",
		],
	},
	{
		name: "ES10a, ES10b, ES10c",
		isObserved: true,
		section: "SGP.22 section 5.7, SGP.32 section 5.9",
		sides: ["IPA", "eUICC"],
		bindings: ONE_WAY,
		functions: [
			"GetEUICCInfo",
			"GetEUICCChallenge",
			"GetEID",
			"GetCerts",
			"GetEuiccConfiguredAddresses",
			"SetDefaultDpAddress",
			"PrepareDownload",
			"LoadBoundProfilePackage",
			"AuthenticateServer",
			"CancelSession",
			"ListNotification",
			"RetrieveNotificationsList",
			"NotificationSent",
			"GetProfilesInfo",
			"GetRAT",
			"LoadEuiccPackage",
			"AddInitialEim",
			"GetEimConfigurationData",
			"ProfileRollback",
			"ConfigureImmediateProfileEnabling",
			"ImmediateEnable",
			"EnableEmergencyProfile",
			"DisableEmergencyProfile",
			"ExecuteFallbackMechanism",
			"ReturnFromFallback",
			"GetConnectivityParameters",
			"eUICCMemoryReset",
			"IpaeActivation",
			"LoadCRL",
		],
	},
	{
		name: "ES9+",
		isObserved: true,
		section: "SGP.22 section 5.6; ES9+' of the eIM: SGP.32 section 5.12",
		sides: ["eIM", "IPA", "SM-DP+"],
		bindings: BOTH,
		functions: [
			"InitiateAuthentication",
			"AuthenticateClient",
			"GetBoundProfilePackage",
			"HandleNotification",
			"CancelSession",
		],
	},
	{
		name: "ES11",
		isObserved: true,
		section: "SGP.22 section 5.8; ES11' of the eIM: SGP.32 section 5.15",
		sides: ["eIM", "IPA", "SM-DS"],
		bindings: BOTH,
		functions: ["InitiateAuthentication", "AuthenticateClient"],
	},
	{
		name: "ES12",
		isObserved: true,
		section: "SGP.22 section 5.9",
		sides: ["SM-DP+", "SM-DS"],
		bindings: ["json"],
		functions: ["RegisterEvent", "DeleteEvent"],
	},
	{
		name: "ES15",
		isObserved: true,
		section: "SGP.22 section 5.10: a cascade of SM-DS",
		sides: ["SM-DS"],
		bindings: ["json"],
		functions: ["RegisterEvent", "DeleteEvent"],
	},
	{
		name: "ES2+",
		isObserved: true,
		section: "SGP.22 section 5.3",
		sides: ["SM-DP+"],
		bindings: ["json"],
		functions: ["DownloadOrder", "ConfirmOrder", "CancelOrder", "ReleaseProfile", "HandleDownloadProgressInfo"],
	},
	{
		name: "ES10 of SGP.22, without an eIM",
		isObserved: true,
		section:
			"SGP.22 section 5.7: no IPA calls them; a card that belongs to no eIM takes them from an LPA, or from the one who sets a device up",
		sides: ["eUICC"],
		bindings: ONE_WAY,
		functions: ["EnableProfile", "DisableProfile", "DeleteProfile", "SetNickname"],
	},
	{
		name: "IPAe",
		isObserved: true,
		section: "SGP.31 section 3, ETSI TS 102 223 (BIP)",
		sides: ["eUICC"],
		bindings: ONE_WAY,
		functions: ["activation", "poll and package", "rollback", "indirect download", "direct download"],
	},
	{
		name: "Dialects",
		isObserved: true,
		section: "SGP.32 versions 1.0.1, 1.1, 1.2 and 1.3",
		sides: ["eIM", "IPA"],
		bindings: ONE_WAY,
		functions: ["v1.0.1", "v1.1 (unproven)", "v1.2", "v1.3 (unproven)"],
	},
];
