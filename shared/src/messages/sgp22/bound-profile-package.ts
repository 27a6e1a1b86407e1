/** SGP.22 v2.5, module RSPDefinitions: the package that one eUICC can open, and the ES8+ commands in it. */

import {
	application,
	at,
	context,
	define,
	type Infer,
	kept,
	octetString,
	optional,
	sequence,
	sequenceOf,
} from "../../asn1/schema.ts";
import { Octet1, OctetTo16, RemoteOpId, TransactionId } from "./basic-types.ts";
import { DpProprietaryData } from "./profile-info.ts";

/** Encrypted block of ConfigureISDP or ReplaceSessionKeys. Tag 87. */
export const BoundProfilePackage87tlv = define("BoundProfilePackage-87tlv", context(7), octetString());
export type BoundProfilePackage87tlv = Infer<typeof BoundProfilePackage87tlv>;

/** Block of StoreMetadata, with a MAC but in clear. Tag 88. */
export const BoundProfilePackage88tlv = define("BoundProfilePackage-88tlv", context(8), octetString());
export type BoundProfilePackage88tlv = Infer<typeof BoundProfilePackage88tlv>;

/** Encrypted block of profile elements. Tag 86. */
export const BoundProfilePackage86tlv = define("BoundProfilePackage-86tlv", context(6), octetString());
export type BoundProfilePackage86tlv = Infer<typeof BoundProfilePackage86tlv>;

/** Tag A0. */
export const BoundProfilePackageFirstSequenceOf87 = define(
	"BoundProfilePackage-FirstSequenceOf87",
	context(0),
	sequenceOf(BoundProfilePackage87tlv),
);
export type BoundProfilePackageFirstSequenceOf87 = Infer<typeof BoundProfilePackageFirstSequenceOf87>;

/** Tag A1. */
export const BoundProfilePackageSequenceOf88 = define(
	"BoundProfilePackage-SequenceOf88",
	context(1),
	sequenceOf(BoundProfilePackage88tlv),
);
export type BoundProfilePackageSequenceOf88 = Infer<typeof BoundProfilePackageSequenceOf88>;

/** Tag A2. */
export const BoundProfilePackageSecondSequenceOf87 = define(
	"BoundProfilePackage-SecondSequenceOf87",
	context(2),
	sequenceOf(BoundProfilePackage87tlv),
);
export type BoundProfilePackageSecondSequenceOf87 = Infer<typeof BoundProfilePackageSecondSequenceOf87>;

/** Tag A3. */
export const BoundProfilePackageSequenceOf86 = define(
	"BoundProfilePackage-SequenceOf86",
	context(3),
	sequenceOf(BoundProfilePackage86tlv),
);
export type BoundProfilePackageSequenceOf86 = Infer<typeof BoundProfilePackageSequenceOf86>;

/** Key agreement: type 88 (AES), length 10 (16 octets), host identifier. */
export const ControlRefTemplate = define(
	"ControlRefTemplate",
	sequence({
		keyType: at(context(0), Octet1),
		keyLen: at(context(1), Octet1),
		hostId: at(context(4), OctetTo16),
	}),
);
export type ControlRefTemplate = Infer<typeof ControlRefTemplate>;

/** The signature runs over the fields before it, joined, and the one-time key of the eUICC. Tag BF23. */
export const InitialiseSecureChannelRequest = define(
	"InitialiseSecureChannelRequest",
	context(35),
	sequence({
		remoteOpId: RemoteOpId,
		transactionId: at(context(0), TransactionId),
		controlRefTemplate: at(context(6), kept(ControlRefTemplate)),
		smdpOtpk: at(application(73), octetString()),
		smdpSign: at(application(55), octetString()),
	}),
);
export type InitialiseSecureChannelRequest = Infer<typeof InitialiseSecureChannelRequest>;

/** One profile, encrypted for one eUICC in one session. Tag BF36. */
export const BoundProfilePackage = define(
	"BoundProfilePackage",
	context(54),
	sequence({
		initialiseSecureChannelRequest: at(context(35), InitialiseSecureChannelRequest),
		firstSequenceOf87: at(context(0), BoundProfilePackageFirstSequenceOf87),
		sequenceOf88: at(context(1), BoundProfilePackageSequenceOf88),
		secondSequenceOf87: optional(at(context(2), BoundProfilePackageSecondSequenceOf87)),
		sequenceOf86: at(context(3), BoundProfilePackageSequenceOf86),
	}),
);
export type BoundProfilePackage = Infer<typeof BoundProfilePackage>;

/** Proprietary data of the SM-DP+ for the ISD-P. Tag BF24. */
export const ConfigureISDPRequest = define(
	"ConfigureISDPRequest",
	context(36),
	sequence({
		dpProprietaryData: optional(at(context(24), DpProprietaryData)),
	}),
);
export type ConfigureISDPRequest = Infer<typeof ConfigureISDPRequest>;

/** The keys that protect the profile elements, when they are not those of the session. Tag BF26. */
export const ReplaceSessionKeysRequest = define(
	"ReplaceSessionKeysRequest",
	context(38),
	sequence({
		initialMacChainingValue: octetString(),
		ppkEnc: octetString(),
		ppkCmac: octetString(),
	}),
);
export type ReplaceSessionKeysRequest = Infer<typeof ReplaceSessionKeysRequest>;
