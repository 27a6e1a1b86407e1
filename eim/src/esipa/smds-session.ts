import { encode } from "@iot-esim/shared/asn1/schema";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { AuthenticateClientResponseEsipa } from "@iot-esim/shared/messages/sgp32/esipa-download";
import type { OperationEvent } from "../domain/operation.ts";
import type { RspSession } from "../domain/rsp-session.ts";
import { isSameEvent } from "../domain/smds-polling.ts";
import type { RspEvent } from "../es9plus/smds.ts";
import { type Download, downloadOf } from "./download-session.ts";
import type { EsipaContext } from "./esipa-deps.ts";
import { enqueueOwn, ownOperation } from "./own-operation.ts";
import { askServer } from "./relay.ts";

/** Any SM-DP+ may register events for any EID: one order leads to no more further downloads than these. */
const OTHERS_AT_MOST = 4;

/** Downloads of a device that are looked at, so that an event is not ordered twice. */
const DOWNLOADS_LOOKED_AT = 50;

/**
 * ESipa.AuthenticateClient towards an SM-DS: the device gets the first event as a trigger for its next session; what
 * else waits there becomes downloads of their own.
 * @returns BF3B, or the ESipa error
 */
export async function retrieveEvents(
	context: EsipaContext,
	session: RspSession,
	request: { readonly transactionId: Uint8Array; readonly authenticateServerResponse: Uint8Array },
	isProven: boolean,
): Promise<Uint8Array | number> {
	const answer = await askServer(context, { ...session, session, isProven }, () =>
		context.es11.authenticateClient(session.smdpAddress, request),
	);
	if (answer.kind === "failed") return answer.esipaError;
	const at = context.clock.now();
	const operation = await downloadOf(context, session);
	const [first, ...others] = await newEvents(context, session, operation, answer.events);
	const log = context.logger("eim.esipa").with({ eid: session.eid, operationId: session.operationId });
	log.info("events of an SM-DS", { events: answer.events.length, isNew: first !== undefined });
	if (first === undefined) {
		const reason = { text: "Nothing waits for this eUICC at the SM-DS.", code: "ES11: no event" };
		// To find nothing is what most questions of a polling come to.
		const operationEvent: OperationEvent =
			operation?.origin === "eim"
				? { kind: "succeeded", at, reason, outcome: { events: 0 } }
				: { kind: "failed", at, reason };
		await context.store.moveSession(session.transactionId, "authenticated", { at, operationEvent });
		return okResponse(answer.transactionId, session, undefined);
	}
	await context.store.moveSession(session.transactionId, "authenticated", { at });
	if (session.eimTransactionId !== undefined) {
		const details = { eventAddress: first.rspServerAddress, eventId: first.eventId };
		await context.store.moveSession(session.eimTransactionId, "initiated", { at, details });
	}
	if (operation !== undefined && others.length > 0) await orderOthers(context, operation, others);
	return okResponse(answer.transactionId, session, first);
}

/**
 * The events that nobody sees to yet: without those that another download waits for, nor, where no operator has asked for
 * them, those whose profile is on the card already.
 */
async function newEvents(
	context: EsipaContext,
	{ eid }: RspSession,
	operation: Download | undefined,
	events: readonly RspEvent[],
): Promise<readonly RspEvent[]> {
	const device = await context.store.loadDevice(eid);
	const downloaded = operation?.origin === "eim" ? (device?.downloadedEvents ?? []) : [];
	const { items } = await context.store.listOperations({ eid, types: ["download"], limit: DOWNLOADS_LOOKED_AT });
	const waitedFor = items.flatMap(({ parameters, finishedAt }) =>
		finishedAt === undefined && "matchingId" in parameters
			? [{ rspServerAddress: parameters.smdpAddress, eventId: parameters.matchingId }]
			: [],
	);
	const known = [...downloaded, ...waitedFor];
	return events.filter((event) => !known.some((one) => isSameEvent(one, event)));
}

/** A trigger names one event. What holds for the download that was ordered holds for the others that it leads to. */
async function orderOthers(context: EsipaContext, ordered: Download, events: readonly RspEvent[]) {
	const { eid, tenantId } = ordered;
	const { mode, expected } = ordered.parameters;
	const limits = { ...(mode === undefined ? {} : { mode }), ...(expected === undefined ? {} : { expected }) };
	for (const { rspServerAddress: smdpAddress, eventId: matchingId } of events.slice(0, OTHERS_AT_MOST)) {
		const order = { type: "download", parameters: { smdpAddress, matchingId, ...limits } } as const;
		await enqueueOwn(context, ownOperation(context, { eid, tenantId }, order));
	}
}

function okResponse(transactionId: Uint8Array, session: RspSession, event: RspEvent | undefined): Uint8Array {
	const { eimTransactionId } = session;
	const profileDownloadTrigger = event && {
		profileDownloadData: { activationCode: `1$${event.rspServerAddress}$${event.eventId}` },
		...(eimTransactionId === undefined ? {} : { eimTransactionId: TransactionId.toBytes(eimTransactionId) }),
	};
	return encode(AuthenticateClientResponseEsipa, {
		authenticateClientOkDSEsipa: {
			transactionId,
			...(profileDownloadTrigger === undefined ? {} : { profileDownloadTrigger }),
		},
	});
}
