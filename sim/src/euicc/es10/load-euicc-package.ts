import {
	Asn1Error,
	anyValue,
	application,
	at,
	choice,
	context,
	decode,
	define,
	encode,
	type Infer,
	integer,
	kept,
	octetString,
	optional,
	sequence,
	sequenceOf,
	utf8String,
} from "@iot-esim/shared/asn1/schema";
import { verifyRaw } from "@iot-esim/shared/crypto/ecdsa";
import { Octet16, TransactionId } from "@iot-esim/shared/messages/sgp22/basic-types";
import { EuiccResultData, ProcessingTerminatedCode } from "@iot-esim/shared/messages/sgp32/command-results";
import { encodeIn, keepIn } from "@iot-esim/shared/messages/sgp32/dialect/encode-in";
import { unsupportedIn } from "@iot-esim/shared/messages/sgp32/dialect/table";
import {
	EuiccPackageUnsignedErrorCode,
	withUnsignedErrorCode,
} from "@iot-esim/shared/messages/sgp32/dialect/unsigned-error";
import { Eco, Psmo } from "@iot-esim/shared/messages/sgp32/euicc-package";
import {
	EuiccPackageErrorCodes,
	EuiccPackageErrorDataSigned,
	EuiccPackageResult,
	EuiccPackageResultDataSigned,
} from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import {
	eimSignatureInput,
	euiccPackageResultSignatureInput,
	euiccPackageResultSignatureInputV10,
	NO_ASSOCIATION_TOKEN,
} from "@iot-esim/shared/security/signature-input";
import { equalBytes, fromHex } from "@iot-esim/shared/util/bytes";
import type { Es10Function, Euicc } from "../euicc.ts";
import { type AssociatedEim, HIGHEST_COUNTER, signingKeyOf } from "../state/eims.ts";
import { refreshTerminal } from "../state/profile-switch.ts";
import { dialectOf } from "./card-version.ts";
import { executeEco } from "./eco.ts";
import { isFailure } from "./package-outcome.ts";
import { executePsmo, type PackageProgress, startPackage } from "./psmo.ts";

/**
 * EuiccPackageRequest with its commands unread: a card verifies the signature first, and a command that it does not
 * know ends the processing of the package instead of making the whole unreadable.
 */
const UnreadPackageSigned = define(
	"EuiccPackageSigned",
	sequence({
		eimId: at(context(0), utf8String({ size: [1, 128] })),
		eidValue: at(application(26), Octet16),
		counterValue: at(context(1), integer()),
		eimTransactionId: optional(at(context(2), TransactionId)),
		euiccPackage: choice({ psmoList: sequenceOf(anyValue()), ecoList: sequenceOf(anyValue()) }),
	}),
);
type UnreadPackageSigned = Infer<typeof UnreadPackageSigned>;
const UnreadPackageRequest = define(
	"EuiccPackageRequest",
	context(81),
	sequence({ euiccPackageSigned: kept(UnreadPackageSigned), eimSignature: at(application(55), octetString()) }),
);

/** Larger packages than this are answered by sizeOverflow. */
const LARGEST_PACKAGE = 0x8000;
/** Results that would grow a package result beyond this end its processing (resultSizeOverflow). */
const LARGEST_RESULT = 0x8000;

/** ES10b.LoadEuiccPackage (BF51, SGP.32 section 5.9.1). */
export const loadEuiccPackage: Es10Function = (requestDer, euicc) => {
	const { euiccPackageSigned, eimSignature } = decode(UnreadPackageRequest, requestDer);
	const { value: signed, der } = euiccPackageSigned;
	const asked = { signed, eimSignature };
	const eim = euicc.eims.find(signed.eimId);
	const key = eim && signingKeyOf(eim.configuration);
	// A card signs nothing for an eIM that it cannot authenticate.
	if (!eim || !key || !verifyRaw(key, eimSignatureInput(der, eim.token ?? NO_ASSOCIATION_TOKEN), eimSignature)) {
		return unsignedError(signed, eim, euicc);
	}
	const error = refusalOf(signed, eim, requestDer.length, euicc);
	if (error !== undefined) return signedError(asked, eim, error, euicc);
	euicc.eims.save({ ...eim, counter: signed.counterValue });
	// A package arrived, so the eIM is reached: a rollback granted before is over.
	euicc.settings.clear("rollback");
	const progress = startPackage(euicc);
	const results = executeCommands(signed.euiccPackage, euicc, progress);
	const seqNumber = euicc.notifications.takeSequenceNumber();
	const result = signPackageResult(euicc, { ...packageOf(asked, eim), seqNumber, results });
	if (progress.isRollbackGranted && progress.profileBefore) {
		const { isdpAid: profileBefore } = progress.profileBefore;
		euicc.settings.set("rollback", { ...packageOf(asked, eim), profileBefore, seqNumber, results });
	}
	refreshTerminal(euicc, progress.hasEnabled || progress.hasDisabled);
	return result;
};

/** What a package result says about the package it belongs to. */
interface AnsweredPackage {
	readonly eimId: string;
	readonly counterValue: number;
	readonly eimTransactionId?: Uint8Array;
	readonly token: number;
	/** Of the package: what a card of version 1.0 signs its result with. */
	readonly eimSignature?: Uint8Array;
	readonly ciPkId?: Uint8Array;
}

interface AskedPackage {
	readonly signed: UnreadPackageSigned;
	readonly eimSignature: Uint8Array;
}

function packageOf({ signed, eimSignature }: AskedPackage, eim: AssociatedEim): AnsweredPackage {
	const { eimId, counterValue, eimTransactionId } = signed;
	const { euiccCiPKId: ciPkId } = eim.configuration;
	return {
		eimId,
		counterValue,
		...(eimTransactionId === undefined ? {} : { eimTransactionId }),
		token: eim.token ?? NO_ASSOCIATION_TOKEN,
		eimSignature,
		...(ciPkId === undefined ? {} : { ciPkId }),
	};
}

/** Signs a package result and keeps it under its number until it is acknowledged. */
export function signPackageResult(
	euicc: Euicc,
	answer: AnsweredPackage & { readonly seqNumber: number; readonly results: readonly Uint8Array[] },
): Uint8Array {
	const { ecasd, notifications } = euicc;
	const { ciPkId, results, ...fields } = answer;
	const data = keepIn(dialectOf(euicc), EuiccPackageResultDataSigned, {
		eimId: fields.eimId,
		counterValue: fields.counterValue,
		...(fields.eimTransactionId === undefined ? {} : { eimTransactionId: fields.eimTransactionId }),
		seqNumber: fields.seqNumber,
		euiccResult: results.map((result) => decode(EuiccResultData, result)),
	});
	const euiccSignEPR = ecasd.sign(signatureInput(euicc, data.der, answer), ciPkId);
	const der = encode(EuiccPackageResult, {
		euiccPackageResultSigned: { euiccPackageResultDataSigned: data, euiccSignEPR },
	});
	notifications.keepPackageResult(fields.seqNumber, der);
	return der;
}

/** @returns the EuiccPackageErrorCode that refuses an authentic package */
function refusalOf(
	{ eidValue, counterValue }: UnreadPackageSigned,
	eim: AssociatedEim,
	size: number,
	{ card, settings }: Euicc,
): number | undefined {
	if (!equalBytes(eidValue, fromHex(card.eid))) return EuiccPackageErrorCodes.invalidEid;
	if (counterValue < 0 || counterValue > HIGHEST_COUNTER) return EuiccPackageErrorCodes.counterValueOutOfRange;
	if (counterValue <= eim.counter) return EuiccPackageErrorCodes.replayError;
	if (size > LARGEST_PACKAGE) return EuiccPackageErrorCodes.sizeOverflow;
	// The counter stays as it was: the same package may be loaded when the emergency is over.
	return settings.get("profileBeforeEmergency") === undefined ? undefined : EuiccPackageErrorCodes.ecallActive;
}

/** Version 1.0 signs results together with the signature of their package instead of the token. */
function signatureInput(
	euicc: Euicc,
	dataSigned: Uint8Array,
	{ token, eimSignature = new Uint8Array() }: Pick<AnsweredPackage, "token" | "eimSignature">,
): Uint8Array {
	return dialectOf(euicc).version === "1.0"
		? euiccPackageResultSignatureInputV10(dataSigned, eimSignature)
		: euiccPackageResultSignatureInput(dataSigned, token);
}

function signedError(asked: AskedPackage, eim: AssociatedEim, code: number, euicc: Euicc): Uint8Array {
	const answer = packageOf(asked, eim);
	const { token: _, eimSignature: __, ciPkId, ...fields } = answer;
	const data = keepIn(dialectOf(euicc), EuiccPackageErrorDataSigned, { ...fields, euiccPackageErrorCode: code });
	const euiccSignEPE = euicc.ecasd.sign(signatureInput(euicc, data.der, answer), ciPkId);
	return encode(EuiccPackageResult, {
		euiccPackageErrorSigned: { euiccPackageErrorDataSigned: data, euiccSignEPE },
	});
}

function unsignedError(
	{ eimId, eimTransactionId }: UnreadPackageSigned,
	eim: AssociatedEim | undefined,
	euicc: Euicc,
): Uint8Array {
	const { version } = dialectOf(euicc);
	const error = encodeIn({ version }, EuiccPackageResult, {
		euiccPackageErrorUnsigned: {
			eimId,
			...(eimTransactionId === undefined ? {} : { eimTransactionId }),
			...(eim?.token === undefined ? {} : { associationToken: eim.token }),
		},
	});
	return version === "1.3" ? withUnsignedErrorCode(error, EuiccPackageUnsignedErrorCode.undefinedError) : error;
}

/** Executes commands in their order up to the first failure; each result is the whole TLV of an EuiccResultData. */
function executeCommands(
	euiccPackage: UnreadPackageSigned["euiccPackage"],
	euicc: Euicc,
	progress: PackageProgress,
): Uint8Array[] {
	const execute = (command: Uint8Array): EuiccResultData =>
		"psmoList" in euiccPackage
			? executePsmo(supported(decode(Psmo, command), euicc), euicc, progress)
			: executeEco(decode(Eco, command), euicc);
	const commands = "psmoList" in euiccPackage ? euiccPackage.psmoList : euiccPackage.ecoList;
	const results: Uint8Array[] = [];
	let size = 0;
	for (const command of commands) {
		const result = executeReadable(command, execute);
		const encoded = encode(EuiccResultData, result);
		size += encoded.length;
		if (size > LARGEST_RESULT) return [...results, terminated(ProcessingTerminatedCode.resultSizeOverflow)];
		results.push(encoded);
		if (isFailure(result)) break;
	}
	return results;
}

/** @throws Asn1Error for a command that the version of this card does not know */
function supported(command: Psmo, euicc: Euicc): Psmo {
	const [name = ""] = Object.keys(command);
	const reason = unsupportedIn(dialectOf(euicc).version, name);
	if (reason !== undefined) throw new Asn1Error("ASN1_TAG_UNEXPECTED", reason);
	return command;
}

function executeReadable(command: Uint8Array, execute: (command: Uint8Array) => EuiccResultData): EuiccResultData {
	try {
		return execute(command);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		return { processingTerminated: ProcessingTerminatedCode.unknownOrDamagedCommand };
	}
}

function terminated(processingTerminated: number): Uint8Array {
	return encode(EuiccResultData, { processingTerminated });
}
