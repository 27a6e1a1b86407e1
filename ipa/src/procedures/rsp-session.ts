import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { AuthenticateServerRequest, type CtxParams1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { CancelSessionReasonCode } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { EUICCInfo1 } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { PrepareDownloadRequest } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { EUICCInfo2 } from "@iot-esim/shared/messages/sgp32/euicc-info";
import { type Certificate, parseCertificate } from "@iot-esim/shared/pki/certificate";
import { equalBytes, toHex } from "@iot-esim/shared/util/bytes";
import { metadataDifference, metadataOfBoundProfilePackage } from "./bpp-metadata.ts";
import { hashedConfirmationCode } from "./confirmation-code.ts";
import type { DownloadSource } from "./download-source.ts";
import { ProcedureError } from "./errors.ts";
import { isCardFailure, isLinkFailure, isServerFailure } from "./failure-kind.ts";
import type { ProcedureContext } from "./procedure-context.ts";
import { policyObjection } from "./profile-policy.ts";
import type { OfferedProfile, RspAnswer, RspServer, ServerAuthentication } from "./rsp-server.ts";

/** A check of the IPA failed inside a session: it is cancelled at the card, then at the server. */
class SessionRefusal extends Error {
	readonly reason: number;
	constructor(reason: number, message: string) {
		super(message);
		this.reason = reason;
	}
}

/** One session and everything it needs. */
export interface RspSession<Onward> {
	readonly context: ProcedureContext;
	readonly server: RspServer<Onward>;
	readonly source: DownloadSource;
	/** Makes a step durable and known before it is taken. */
	readonly note: (step: string, transactionId?: Uint8Array) => Promise<void>;
}

/** What a session came to: a package to load in this session of the card, or where to go on. */
export type SessionResult<Onward> =
	| { readonly boundProfilePackage: Uint8Array; readonly transactionId: Uint8Array }
	| { readonly onward: Onward };

/**
 * Common mutual authentication, the checks before a download and the download itself (SGP.22 §3.1.2 and §3.1.3, SGP.32
 * §3.2.3), the same towards every server. What a check refuses is cancelled on both sides.
 * @throws ProcedureError IPA_DOWNLOAD_REFUSED, link and card errors
 */
export async function runRspSession<Onward>(session: RspSession<Onward>): Promise<SessionResult<Onward>> {
	const { server, euiccInfo1 } = await initiateAuthentication(session);
	const { transactionId } = server.serverSigned1.value;
	try {
		checkServer(session, server, euiccInfo1);
		const answer = await authenticateClient(session, server);
		if ("onward" in answer) return answer;
		await checkMetadata(session.context, answer.profile);
		const boundProfilePackage = await prepareDownload(session, transactionId, answer.profile);
		checkPackedMetadata(answer.profile, boundProfilePackage);
		return { boundProfilePackage, transactionId };
	} catch (error) {
		if (!(error instanceof SessionRefusal)) throw error;
		await cancelSession(session, transactionId, error.reason, error.message);
		throw new ProcedureError("IPA_DOWNLOAD_REFUSED", error.message, { cause: error });
	}
}

/** ES10b.GetEUICCInfo, ES10b.GetEUICCChallenge, InitiateAuthentication. */
async function initiateAuthentication<Onward>({ context, server, note }: RspSession<Onward>) {
	await note(`${server.interfaceName}.InitiateAuthentication`);
	const euiccInfo1 = await context.es10.getEuiccInfo1();
	const euiccChallenge = await context.es10.getEuiccChallenge();
	const answer = await server.initiateAuthentication({ euiccChallenge, euiccInfo1 }, context.signal);
	return { server: unlessRefused(server, answer, "InitiateAuthentication"), euiccInfo1 };
}

/** The server must be the one asked for, under a CI that the card signs for. */
function checkServer<Onward>(session: RspSession<Onward>, server: ServerAuthentication, euiccInfo1: Uint8Array): void {
	const { source } = session;
	const refuse = (message: string) => new SessionRefusal(CancelSessionReasonCode.undefinedReason, message);
	const { serverAddress } = server.serverSigned1.value;
	if (source.smdpAddress !== undefined && serverAddress.toLowerCase() !== source.smdpAddress.toLowerCase()) {
		throw refuse(`the server signed as ${serverAddress}, asked for was ${source.smdpAddress}`);
	}
	const needsCertificate = source.smdpOid !== undefined || session.server.isDirect;
	const certificate = needsCertificate ? certificateOf(server) : undefined;
	if (source.smdpOid !== undefined && !certificate?.registeredIds.includes(source.smdpOid)) {
		throw refuse(`the server's certificate is not that of SM-DP+ ${source.smdpOid}`);
	}
	if (session.server.isDirect && certificate !== undefined) {
		const now = session.context.clock.now();
		if (now < certificate.notBefore) throw refuse("the server's certificate is not valid yet, by the device's clock");
		if (now > certificate.notAfter) throw refuse("the server's certificate has expired, by the device's clock");
	}
	const wanted = bareKeyIdentifier(server.euiccCiPKIdentifierToBeUsed);
	const known = decode(EUICCInfo1, euiccInfo1).euiccCiPKIdListForSigning;
	if (!known.some((key) => equalBytes(key.subarray(0, wanted.length), wanted))) {
		throw refuse(`the card has no key under CI ${toHex(wanted)}`);
	}
}

function certificateOf({ serverCertificate }: ServerAuthentication): Certificate {
	try {
		return parseCertificate(serverCertificate);
	} catch (cause) {
		throw new ProcedureError("IPA_DOWNLOAD_REFUSED", "the server's certificate cannot be read", { cause });
	}
}

/** Some SM-DP+ put the header 04 14 of the OCTET STRING into its contents. */
function bareKeyIdentifier(identifier: Uint8Array): Uint8Array {
	const hasHeader = identifier.length > 2 && identifier[0] === 0x04 && identifier[1] === identifier.length - 2;
	return hasHeader ? identifier.subarray(2) : identifier;
}

/** ES10b.AuthenticateServer, AuthenticateClient. */
async function authenticateClient<Onward>(session: RspSession<Onward>, authentication: ServerAuthentication) {
	const { context, server, source, note } = session;
	const { transactionId } = authentication.serverSigned1.value;
	await note("ES10b.AuthenticateServer", transactionId);
	const matchingId = source.matchingId ?? authentication.matchingId;
	const ctxParams1: CtxParams1 = authentication.ctxParams1 ?? {
		ctxParamsForCommonAuthentication: {
			...(matchingId === undefined ? {} : { matchingId }),
			deviceInfo: context.settings.deviceInfo,
		},
	};
	const request = encode(AuthenticateServerRequest, {
		serverSigned1: authentication.serverSigned1,
		serverSignature1: authentication.serverSignature1,
		euiccCiPKIdToBeUsed: bareKeyIdentifier(authentication.euiccCiPKIdentifierToBeUsed),
		serverCertificate: authentication.serverCertificate,
		ctxParams1,
	});
	const response = await context.commands.authenticateServer(request);
	await note(`${server.interfaceName}.AuthenticateClient`);
	const answer = await server.authenticateClient(transactionId, response, context.signal);
	return unlessRefused(server, answer, "AuthenticateClient");
}

/** Policy rules of the profile against those of the card. */
async function checkMetadata(context: ProcedureContext, offered: OfferedProfile): Promise<void> {
	// An eIM that verifies the metadata itself may leave them out.
	const { profilePolicyRules, profileOwner } = offered.profileMetaData?.value ?? {};
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

/** ES10b.PrepareDownload, GetBoundProfilePackage. */
async function prepareDownload<Onward>(
	{ context, server, note }: RspSession<Onward>,
	transactionId: Uint8Array,
	offered: OfferedProfile,
): Promise<Uint8Array> {
	const hashCc = confirmation(context, transactionId, offered);
	await note("ES10b.PrepareDownload");
	const request = encode(PrepareDownloadRequest, {
		smdpSigned2: offered.smdpSigned2,
		smdpSignature2: offered.smdpSignature2,
		...(hashCc === undefined ? {} : { hashCc }),
		smdpCertificate: offered.smdpCertificate,
	});
	const response = await context.commands.prepareDownload(request);
	await note(`${server.interfaceName}.GetBoundProfilePackage`);
	const answer = await server.getBoundProfilePackage(transactionId, response, context.signal);
	return unlessRefused(server, answer, "GetBoundProfilePackage");
}

/** What the eIM sent, else the code in the device's own configuration: no trigger carries one. */
function confirmation(
	context: ProcedureContext,
	transactionId: Uint8Array,
	{ smdpSigned2, hashCc }: OfferedProfile,
): Uint8Array | undefined {
	if (hashCc !== undefined || !smdpSigned2.value.ccRequiredFlag) return hashCc;
	const { confirmationCode } = context.settings;
	if (confirmationCode !== undefined) return hashedConfirmationCode(confirmationCode, transactionId);
	const message = "the profile needs a confirmation code: the eIM sent none, and download.confirmationCode is not set";
	throw new SessionRefusal(CancelSessionReasonCode.undefinedReason, message);
}

function checkPackedMetadata({ profileMetaData }: OfferedProfile, boundProfilePackage: Uint8Array): void {
	const packed = metadataOfBoundProfilePackage(boundProfilePackage);
	if (profileMetaData === undefined || packed === undefined) return;
	const difference = metadataDifference(profileMetaData.der, packed);
	if (difference === undefined) return;
	const message = `the package's metadata differ from those announced in ${difference}`;
	throw new SessionRefusal(CancelSessionReasonCode.metadataMismatch, message);
}

/**
 * Step 9: ES10b.CancelSession, then CancelSession at the server. The session is over at the card either way, and a
 * server that does not hear of it ends it by its own time limit.
 */
export async function cancelSession<Onward>(
	{ context, server }: RspSession<Onward>,
	transactionId: Uint8Array,
	reason: number,
	why: string,
): Promise<void> {
	context.log.warn("step 9: ES10b.CancelSession", { reason, why });
	try {
		const response = await context.commands.cancelSession(transactionId, reason);
		const answer = await server.cancelSession(transactionId, response, context.signal);
		if ("refused" in answer) {
			context.log.warn(`step 9: ${server.interfaceName}.CancelSession refused`, { ...answer.refused });
		}
	} catch (error) {
		const isLost = isCardFailure(error) || isLinkFailure(error) || isServerFailure(error);
		if (context.signal.aborted || !isLost) throw error;
		context.log.warn("step 9: the session could not be cancelled", { error });
	}
}

function unlessRefused<T>({ interfaceName }: RspServer<unknown>, answer: RspAnswer<T>, functionName: string): T {
	if ("ok" in answer) return answer.ok;
	const { reason, gsmaCode, cancelReason } = answer.refused;
	if (cancelReason !== undefined) throw new SessionRefusal(cancelReason, `the eIM refused the profile: ${reason}`);
	throw new ProcedureError("IPA_DOWNLOAD_REFUSED", `${interfaceName}.${functionName} was refused: ${reason}`, {
		...(gsmaCode === undefined ? {} : { gsmaCode }),
	});
}
