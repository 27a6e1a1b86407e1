import { decode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { EuiccPackageRequest } from "@iot-esim/shared/messages/sgp32/euicc-package";
import { concatBytes, fromHex, hex } from "@iot-esim/shared/util/bytes";
import type { TransferredPackage } from "../esipa/eim-package.ts";
import type { EimPackageResultPart } from "../esipa/esipa-client.ts";
import { acceptedNumbers, removeFromCard } from "./acknowledgements.ts";
import { ProcedureError } from "./errors.ts";
import { sendEuiccData } from "./euicc-data.ts";
import { executeEuiccPackage, resultGiven } from "./execute-euicc-package.ts";
import { downloadProfile } from "./poll.ts";
import type { AssociatedEim, ProcedureContext } from "./procedure-context.ts";
import { sightOfPackage } from "./result-facts.ts";

/** The answer to a package that an eIM has brought, and what is done after it was given. */
export interface Transfer {
	/** TransferEimPackageResponse, whole. */
	readonly answer: Uint8Array;
	readonly later?: () => Promise<void>;
	/** The card's eIM configurations may have changed when all is done. */
	readonly mayHaveChangedEims: boolean;
}

/** eimPackageReceived: the result comes by ESipa.ProvideEimPackageResult, or there is none. */
const RECEIVED = hex`BF4E 02 0500`;
const UNDEFINED_ERROR = 127;
const NO_NEW_EIMS = { mayHaveChangedEims: false } as const;

/**
 * ESipa.TransferEimPackage (SGP.32 §5.14.4): what an eIM brings goes the same ways as what is polled for, and its result
 * is the answer. A package that may switch profiles would take the connection away under its own answer, so it is
 * answered at once and its result is provided like that of a polled one, rollback included; downloads take too long to
 * wait for. Until an acknowledgement comes, results stay on the card and are offered again with the next poll.
 */
export async function transferEimPackage(
	context: ProcedureContext,
	eim: AssociatedEim,
	brought: TransferredPackage,
	otherEimIds: readonly string[],
): Promise<Transfer> {
	context.log.info("ESipa.TransferEimPackage", { eimId: eim.eimId, type: brought.type });
	switch (brought.type) {
		case "acknowledgements":
			return bringAcknowledgements(context, eim, brought.seqNumbers);
		case "euicc-package":
			return bringPackage(context, eim, brought.der, otherEimIds);
		case "ipa-euicc-data": {
			const taker = answerTaker(eim);
			await sendEuiccData(context, taker.eim, brought.request);
			return { ...NO_NEW_EIMS, answer: taker.answer() ?? errorAnswer(UNDEFINED_ERROR) };
		}
		case "download-trigger":
			return { ...NO_NEW_EIMS, answer: RECEIVED, later: () => downloadProfile(context, eim, brought.request) };
		case "unreadable":
			context.log.warn("package not understood", { eimId: eim.eimId, reason: brought.reason });
			return { ...NO_NEW_EIMS, answer: errorAnswer(brought.resultCode) };
	}
}

/**
 * The answer to a package that was executed and whose result is still on its way to the eIM, by whichever road the
 * package came; undefined for any other.
 */
export function answerUnderWay(context: ProcedureContext, brought: TransferredPackage): Uint8Array | undefined {
	const { work } = context.journal.state;
	if (brought.type !== "euicc-package" || work.phase !== "package-executed") return undefined;
	if (sightOfPackage(brought.der).packageHash !== work.packageHash) return undefined;
	return transferAnswer({ euiccPackageResult: fromHex(work.resultHex) });
}

async function bringPackage(
	context: ProcedureContext,
	eim: AssociatedEim,
	euiccPackageRequest: Uint8Array,
	otherEimIds: readonly string[],
): Promise<Transfer> {
	const { packageHash, hasEco: mayHaveChangedEims } = sightOfPackage(euiccPackageRequest);
	const isRepeated = resultGiven(context, packageHash) !== undefined;
	if (!isRepeated && maySwitchProfiles(euiccPackageRequest)) {
		return {
			answer: RECEIVED,
			mayHaveChangedEims,
			later: async () => void (await executeEuiccPackage(context, eim, euiccPackageRequest, otherEimIds)),
		};
	}
	const taker = answerTaker(eim);
	// Nobody can know that an answer has arrived: the card keeps the result until it is acknowledged.
	await context.journal.note({ type: "results-waiting" });
	try {
		await executeEuiccPackage(context, taker.eim, euiccPackageRequest, otherEimIds);
	} catch (error) {
		if (!(error instanceof ProcedureError) || taker.answer() === undefined) throw error;
		context.log.warn("package brought by the eIM failed", { eimId: eim.eimId, error });
	}
	return { answer: taker.answer() ?? errorAnswer(UNDEFINED_ERROR), mayHaveChangedEims };
}

async function bringAcknowledgements(
	context: ProcedureContext,
	eim: AssociatedEim,
	seqNumbers: readonly number[],
): Promise<Transfer> {
	const acknowledged = await acceptedNumbers(context, eim.eimId, [], seqNumbers);
	await removeFromCard(context, acknowledged);
	context.emit({ type: "result-delivered", eimId: eim.eimId, acknowledged });
	return { ...NO_NEW_EIMS, answer: RECEIVED };
}

/** A package that cannot be read may do anything; the card decides. */
function maySwitchProfiles(euiccPackageRequest: Uint8Array): boolean {
	try {
		const { euiccPackage } = decode(EuiccPackageRequest, euiccPackageRequest).euiccPackageSigned.value;
		return "psmoList" in euiccPackage && euiccPackage.psmoList.some((psmo) => "enable" in psmo || "disable" in psmo);
	} catch {
		return true;
	}
}

/** The eIM with a client that keeps a result back for the answer, instead of sending it. */
function answerTaker(eim: AssociatedEim): {
	readonly eim: AssociatedEim;
	readonly answer: () => Uint8Array | undefined;
} {
	const { esipa } = eim;
	let answer: Uint8Array | undefined;
	return {
		answer: () => answer,
		eim: {
			...eim,
			esipa: {
				getEimPackage: (request, signal) => esipa.getEimPackage(request, signal),
				handleNotification: (notification, signal) => esipa.handleNotification(notification, signal),
				initiateAuthentication: (request, signal) => esipa.initiateAuthentication(request, signal),
				authenticateClient: (id, response, signal) => esipa.authenticateClient(id, response, signal),
				getBoundProfilePackage: (id, response, signal) => esipa.getBoundProfilePackage(id, response, signal),
				cancelSession: (id, response, signal) => esipa.cancelSession(id, response, signal),
				provideEimPackageResult: async (part) => {
					answer = transferAnswer(part);
					return { type: "acknowledged", seqNumbers: [] };
				},
			},
		},
	};
}

function transferAnswer(part: EimPackageResultPart): Uint8Array {
	if ("errorCode" in part) return errorAnswer(part.errorCode);
	if ("whole" in part) return tlv(0xbf4e, part.whole);
	const { euiccPackageResult, notifications = [] } = part;
	if (notifications.length === 0) return tlv(0xbf4e, euiccPackageResult);
	return tlv(0xbf4e, tlv(0x30, euiccPackageResult, tlv(0xa0, concatBytes(...notifications))));
}

function errorAnswer(code: number): Uint8Array {
	return tlv(0xbf4e, tlv(0x02, Uint8Array.of(code)));
}
