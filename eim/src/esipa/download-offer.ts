import { Asn1Error, decode } from "@iot-esim/shared/asn1/schema";
import { CancelSessionReasonCode } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { AuthenticateClientErrorEsipaCode as ErrorCode } from "@iot-esim/shared/messages/sgp32/esipa-download";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import { Minutes } from "@iot-esim/shared/util/duration";
import type { Device } from "../domain/device.ts";
import type { OperationReason } from "../domain/operation.ts";
import type { RspSession } from "../domain/rsp-session.ts";
import { judgeMetadata } from "./download-metadata.ts";
import { type Download, mayAskAgain, waitsForAnswer } from "./download-session.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { enqueueOwn, ownOperation } from "./own-operation.ts";
import { codeText } from "./result-text.ts";

/** What an SM-DP+ offers in a session. */
interface Offer {
	readonly session: RspSession;
	readonly device: Device;
	readonly operation: Download | undefined;
	/** The SM-DP+ asks for a confirmation code, and the order has none. */
	readonly isCodeMissing: boolean;
	/** BF25. */
	readonly profileMetadata: Uint8Array;
}

/** The device has this long to end the session itself, with the eUICC's signature; then the eIM does it without. */
const DEVICE_CANCELS_WITHIN = Minutes(1);

/**
 * Looks at the offer. A refusal ends the operation at once.
 * @returns the error to answer; undefined when the session goes on, which it also does after a refusal for which
 * AuthenticateClient has no error: GetBoundProfilePackage has one, and no package is asked for there
 */
export async function checkOffer(context: EsipaContext, offer: Offer): Promise<number | undefined> {
	const { device, operation } = offer;
	if (operation === undefined) return undefined;
	if (offer.isCodeMissing) {
		const text = "The order at the SM-DP+ needs a confirmation code; order again with it.";
		await refuseDownload(context, offer.session, { text, code: "8.2.7/2.2" });
		return ErrorCode.undefinedError;
	}
	const metadata = readMetadata(offer.profileMetadata);
	if (metadata === undefined) {
		await refuseDownload(context, offer.session, {
			text: "The SM-DP+ sent metadata of the profile that cannot be read.",
		});
		return ErrorCode.undefinedError;
	}
	const { download: policy } = context.settings;
	const octets = offer.profileMetadata.length;
	const verdict = judgeMetadata({ metadata, octets, order: operation.parameters, device, policy });
	if (verdict.kind === "allowed") return undefined;
	if (verdict.kind === "ratNeeded" && mayAskAgain(operation)) {
		await askForTable(context, offer, operation);
		return ErrorCode.undefinedError;
	}
	const { reason, cancelReason } = verdict.kind === "ratNeeded" ? TABLE_NOT_TOLD : verdict;
	await refuseDownload(context, offer.session, reason, cancelReason);
	return cancelReason === CancelSessionReasonCode.pprNotAllowed ? ErrorCode.pprNotAllowed : undefined;
}

const TABLE_NOT_TOLD = {
	reason: {
		text: "The profile has policy rules, and the eUICC does not tell which ones it allows (getRAT).",
		code: codeText("cancelSession", CancelSessionReasonCode.pprNotAllowed),
	},
	cancelReason: CancelSessionReasonCode.pprNotAllowed,
};

function readMetadata(der: Uint8Array): StoreMetadataRequest | undefined {
	try {
		return decode(StoreMetadataRequest, der);
	} catch (error) {
		if (error instanceof Asn1Error) return undefined;
		throw error;
	}
}

/**
 * Ends a download by the eIM: the operation at once, the session when the device cancels it, or a while later without.
 * @param cancelReason CancelSessionReason that the IPA derives from the error
 */
export async function refuseDownload(
	context: EsipaContext,
	session: RspSession,
	reason: OperationReason,
	cancelReason?: number,
): Promise<void> {
	const at = context.clock.now();
	const { eid, operationId, transactionId } = session;
	await context.store.moveSession(transactionId, "authenticated", {
		at,
		details: { refused: String(cancelReason ?? "") },
		operationEvent: { kind: "failed", at, reason },
		jobs: [{ kind: "sessionCancellation", reference: transactionId, runAfter: at + DEVICE_CANCELS_WITHIN }],
	});
	context.logger("eim.esipa").warn("offered profile refused", { eid, operationId, reason: reason.text });
}

/** The table is asked for, and the download begins anew: until then nobody can tell what the card authorises. */
async function askForTable(context: EsipaContext, { session, device }: Offer, operation: Download): Promise<void> {
	const at = context.clock.now();
	const text = "The download goes on when the eUICC has told its Rules Authorisation Table.";
	await context.store.moveSession(session.transactionId, "authenticated", {
		at,
		operationEvent: waitsForAnswer(operation, at, text),
		jobs: [{ kind: "sessionCancellation", reference: session.transactionId, runAfter: at }],
	});
	await enqueueOwn(context, ownOperation(context, device, { type: "getRat", parameters: {} }));
}
