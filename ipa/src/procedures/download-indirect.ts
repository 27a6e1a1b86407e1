import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { AuthenticateServerRequest, type CtxParams1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { CancelSessionReasonCode } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { EUICCInfo1 } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { PrepareDownloadRequest } from "@iot-esim/shared/messages/sgp22/prepare-download";
import type {
	AuthenticateClientOkDPEsipa,
	AuthenticateClientOkDSEsipa,
	InitiateAuthenticationOkEsipa,
} from "@iot-esim/shared/messages/sgp32/esipa-download";
import { EUICCInfo2 } from "@iot-esim/shared/messages/sgp32/euicc-info";
import type { ProfileDownloadTriggerRequest } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { equalBytes, toHex } from "@iot-esim/shared/util/bytes";
import type { Outcome } from "../esipa/esipa-client.ts";
import { metadataDifference, metadataOfBoundProfilePackage } from "./bpp-metadata.ts";
import { provideDownloadError } from "./download-result.ts";
import { type DownloadSource, downloadSource } from "./download-source.ts";
import { ProcedureError } from "./errors.ts";
import { installProfile } from "./install-profile.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { policyObjection } from "./profile-policy.ts";

/** A check of the IPA failed inside a session: it is cancelled at the card, then at the eIM. */
class SessionRefusal extends Error {
	readonly reason: number;
	constructor(reason: number, message: string) {
		super(message);
		this.reason = reason;
	}
}

/**
 * Indirect profile download: the eIM speaks to the SM-DP+, the IPA carries what card and SM-DP+ say to each other. A
 * failure that the standard has a code for ends with a result to the eIM; a broken link or card ends with an error,
 * and the eIM sends the trigger again.
 */
export async function downloadIndirect(
	context: ProcedureContext,
	eim: AssociatedEim,
	trigger: ProfileDownloadTriggerRequest,
): Promise<void> {
	const { eimTransactionId } = trigger;
	await context.journal.note({ type: "download-step", eimId: eim.eimId, step: "ProfileDownloadTriggerRequest" });
	try {
		const source = await downloadSource(context, trigger.profileDownloadData);
		const next = await runSession(context, eim, source, eimTransactionId);
		if (next !== undefined)
			await runSession(context, eim, await downloadSource(context, next.profileDownloadData), eimTransactionId);
	} catch (error) {
		if (!(error instanceof ProcedureError)) throw error;
		context.emit({ type: "download-failed", eimId: eim.eimId, reason: error.message });
		context.log.warn("download failed", { eimId: eim.eimId, reason: error.message, gsmaCode: error.gsmaCode });
		await provideDownloadError(context, eim, eimTransactionId);
	}
	await context.journal.note({ type: "download-ended" });
}

/** One session with an SM-DP+, or with an SM-DS that names the SM-DP+ to go on with. */
async function runSession(
	context: ProcedureContext,
	eim: AssociatedEim,
	source: DownloadSource,
	eimTransactionId: Uint8Array | undefined,
): Promise<ProfileDownloadTriggerRequest | undefined> {
	const server = await initiateAuthentication(context, eim, source, eimTransactionId);
	const transactionId = server.ok.serverSigned1.value.transactionId;
	try {
		checkServer(source, server.ok, server.euiccInfo1);
		const answer = await authenticateClient(context, eim, source, server.ok);
		if ("ds" in answer) return answer.ds.profileDownloadTrigger;
		await checkMetadata(context, answer.dp);
		const boundProfilePackage = await prepareDownload(context, eim, transactionId, answer.dp);
		checkPackedMetadata(answer.dp, boundProfilePackage);
		await installProfile(context, eim, boundProfilePackage);
		return undefined;
	} catch (error) {
		if (!(error instanceof SessionRefusal)) throw error;
		await cancelSession(context, eim, transactionId, error);
		throw new ProcedureError("IPA_DOWNLOAD_REFUSED", error.message, { cause: error });
	}
}

async function note(context: ProcedureContext, eim: AssociatedEim, step: string): Promise<void> {
	await context.journal.note({ type: "download-step", eimId: eim.eimId, step });
	context.log.info(`step 8: ${step}`, { eimId: eim.eimId });
	context.emit({ type: "download-step", eimId: eim.eimId, step });
}

/** ES10b.GetEUICCInfo, ES10b.GetEUICCChallenge, ESipa.InitiateAuthentication. */
async function initiateAuthentication(
	context: ProcedureContext,
	eim: AssociatedEim,
	source: DownloadSource,
	eimTransactionId: Uint8Array | undefined,
) {
	await note(context, eim, "ESipa.InitiateAuthentication");
	const euiccInfo1 = await context.es10.getEuiccInfo1();
	const euiccChallenge = await context.es10.getEuiccChallenge();
	const { smdpAddress } = source;
	const request = {
		euiccChallenge,
		euiccInfo1,
		...(smdpAddress === undefined ? {} : { smdpAddress }),
		...(eimTransactionId === undefined ? {} : { eimTransactionId }),
	};
	const answer = await eim.esipa.initiateAuthentication(request, context.signal);
	return { ok: unlessError(answer, "InitiateAuthentication"), euiccInfo1 };
}

/** The server must be the one asked for, under a CI that the card signs for. */
function checkServer(source: DownloadSource, server: InitiateAuthenticationOkEsipa, euiccInfo1: Uint8Array): void {
	const { serverAddress } = server.serverSigned1.value;
	if (source.smdpAddress !== undefined && serverAddress.toLowerCase() !== source.smdpAddress.toLowerCase()) {
		const message = `the server signed as ${serverAddress}, asked for was ${source.smdpAddress}`;
		throw new SessionRefusal(CancelSessionReasonCode.undefinedReason, message);
	}
	if (source.smdpOid !== undefined && !oidsOf(server.serverCertificate).includes(source.smdpOid)) {
		const message = `the server's certificate is not that of SM-DP+ ${source.smdpOid}`;
		throw new SessionRefusal(CancelSessionReasonCode.undefinedReason, message);
	}
	const wanted = bareKeyIdentifier(server.euiccCiPKIdentifierToBeUsed);
	const known = decode(EUICCInfo1, euiccInfo1).euiccCiPKIdListForSigning;
	if (!known.some((key) => equalBytes(key.subarray(0, wanted.length), wanted))) {
		const message = `the card has no key under CI ${toHex(wanted)}`;
		throw new SessionRefusal(CancelSessionReasonCode.undefinedReason, message);
	}
}

function oidsOf(certificate: Uint8Array): readonly string[] {
	try {
		return parseCertificate(certificate).registeredIds;
	} catch (cause) {
		throw new ProcedureError("IPA_DOWNLOAD_REFUSED", "the server's certificate cannot be read", { cause });
	}
}

/** Some SM-DP+ put the header 04 14 of the OCTET STRING into its contents. */
function bareKeyIdentifier(identifier: Uint8Array): Uint8Array {
	const hasHeader = identifier.length > 2 && identifier[0] === 0x04 && identifier[1] === identifier.length - 2;
	return hasHeader ? identifier.subarray(2) : identifier;
}

/** ES10b.AuthenticateServer, ESipa.AuthenticateClient. */
async function authenticateClient(
	context: ProcedureContext,
	eim: AssociatedEim,
	source: DownloadSource,
	server: InitiateAuthenticationOkEsipa,
): Promise<{ dp: AuthenticateClientOkDPEsipa } | { ds: AuthenticateClientOkDSEsipa }> {
	await note(context, eim, "ES10b.AuthenticateServer");
	const matchingId = source.matchingId ?? server.matchingId;
	const ctxParams1: CtxParams1 = server.ctxParams1 ?? {
		ctxParamsForCommonAuthentication: {
			...(matchingId === undefined ? {} : { matchingId }),
			deviceInfo: context.settings.deviceInfo,
		},
	};
	const request = encode(AuthenticateServerRequest, {
		serverSigned1: server.serverSigned1,
		serverSignature1: server.serverSignature1,
		euiccCiPKIdToBeUsed: bareKeyIdentifier(server.euiccCiPKIdentifierToBeUsed),
		serverCertificate: server.serverCertificate,
		ctxParams1,
	});
	const response = await context.commands.authenticateServer(request);
	await note(context, eim, "ESipa.AuthenticateClient");
	const { transactionId } = server.serverSigned1.value;
	return unlessError(await eim.esipa.authenticateClient(transactionId, response, context.signal), "AuthenticateClient");
}

/** Policy rules of the profile against those of the card; a missing confirmation code. */
async function checkMetadata(context: ProcedureContext, answer: AuthenticateClientOkDPEsipa): Promise<void> {
	if (answer.smdpSigned2.value.ccRequiredFlag && answer.hashCc === undefined) {
		const message = "the profile needs a confirmation code, and the eIM sent none";
		throw new SessionRefusal(CancelSessionReasonCode.undefinedReason, message);
	}
	// An eIM that verifies the metadata itself may leave them out.
	const { profilePolicyRules, profileOwner } = answer.profileMetaData?.value ?? {};
	if (profilePolicyRules === undefined || !profilePolicyRules.includes("1")) return;
	const { forbiddenProfilePolicyRules } = decode(EUICCInfo2, await context.es10.getEuiccInfo2());
	const objection = policyObjection({
		profilePolicyRules,
		profileOwner,
		forbidden: forbiddenProfilePolicyRules,
		rat: await context.es10.getRat(),
		consentGranted: context.settings.consentGranted,
	});
	if (objection !== undefined) throw new SessionRefusal(CancelSessionReasonCode.pprNotAllowed, objection);
}

/** ES10b.PrepareDownload, ESipa.GetBoundProfilePackage. */
async function prepareDownload(
	context: ProcedureContext,
	eim: AssociatedEim,
	transactionId: Uint8Array,
	answer: AuthenticateClientOkDPEsipa,
): Promise<Uint8Array> {
	await note(context, eim, "ES10b.PrepareDownload");
	const request = encode(PrepareDownloadRequest, {
		smdpSigned2: answer.smdpSigned2,
		smdpSignature2: answer.smdpSignature2,
		...(answer.hashCc === undefined ? {} : { hashCc: answer.hashCc }),
		smdpCertificate: answer.smdpCertificate,
	});
	const response = await context.commands.prepareDownload(request);
	await note(context, eim, "ESipa.GetBoundProfilePackage");
	const outcome = await eim.esipa.getBoundProfilePackage(transactionId, response, context.signal);
	return unlessError(outcome, "GetBoundProfilePackage");
}

function checkPackedMetadata(answer: AuthenticateClientOkDPEsipa, boundProfilePackage: Uint8Array): void {
	const packed = metadataOfBoundProfilePackage(boundProfilePackage);
	if (answer.profileMetaData === undefined || packed === undefined) return;
	const difference = metadataDifference(answer.profileMetaData.der, packed);
	if (difference === undefined) return;
	const message = `the package's metadata differ from those announced in ${difference}`;
	throw new SessionRefusal(CancelSessionReasonCode.metadataMismatch, message);
}

/** Step 9: ES10b.CancelSession, ESipa.CancelSession. */
async function cancelSession(
	context: ProcedureContext,
	eim: AssociatedEim,
	transactionId: Uint8Array,
	refusal: SessionRefusal,
): Promise<void> {
	context.log.warn("step 9: ES10b.CancelSession", { reason: refusal.reason, why: refusal.message });
	const response = await context.commands.cancelSession(transactionId, refusal.reason);
	const outcome = await eim.esipa.cancelSession(transactionId, response, context.signal);
	if ("error" in outcome) context.log.warn("step 9: ESipa.CancelSession refused", { code: outcome.error });
}

function unlessError<T>(outcome: Outcome<T>, functionName: string): T {
	if ("ok" in outcome) return outcome.ok;
	const message = `ESipa.${functionName} ended with code ${outcome.error}`;
	throw new ProcedureError("IPA_DOWNLOAD_REFUSED", message, { gsmaCode: outcome.error });
}
