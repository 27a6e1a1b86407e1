/** An indirect download as the eIM sees it: an SM-DP+ with fixed answers, and what a card would sign. */

import type { Device } from "@iot-esim/eim/domain/device";
import type { DownloadSource } from "@iot-esim/eim/domain/download";
import { Es9PlusError } from "@iot-esim/eim/es9plus/errors";
import type { Es9PlusAnswer, Es9PlusClient } from "@iot-esim/eim/es9plus/es9plus-client";
import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { ServerSigned1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { NotificationEvent } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { SmdpSigned2 } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { ProfileInstallationResultData } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { AuthenticateServerResponse, EuiccSigned1 } from "@iot-esim/shared/messages/sgp32/authenticate-server";
import { EUICCInfo2 } from "@iot-esim/shared/messages/sgp32/euicc-info";
import { IpaCapabilities } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { ProfileInstallationResult } from "@iot-esim/shared/messages/sgp32/notifications";
import { StoreMetadataRequest } from "@iot-esim/shared/messages/sgp32/profile-info";
import { fromHex, hex, utf8 } from "@iot-esim/shared/util/bytes";
import type { Duration } from "@iot-esim/shared/util/duration";
import { CardBench } from "@iot-esim/sim/euicc/testing/card-bench";
import { type BenchOptions, esipaBench, packageIn, poll, testPki } from "./esipa-bench.ts";

const { eid } = testPki();
export const SMDP = "smdp.example.com";
export const iccid = Iccid("8900101000000000018");
export const transactionId = hex`A0A1A2A3A4A5A6A7A8A9AAABACADAEAF`;
export const euiccChallenge = new Uint8Array(16).fill(0xcc);
export const signature = new Uint8Array(64).fill(0x51);
/** What a card of ours says of itself. */
const card = await new CardBench({ pkis: [testPki()] }).start();
export const euiccInfo2 = decode(EUICCInfo2, fromHex(await card.ask("BF2200")));
export const bpp = hex`BF36 06 BF23 00 A0 00 05`;

export const serverSigned1 = (serverAddress = SMDP) =>
	encode(ServerSigned1, { transactionId, euiccChallenge, serverAddress, serverChallenge: new Uint8Array(16) });
export const smdpSigned2 = (ccRequiredFlag = false) => encode(SmdpSigned2, { transactionId, ccRequiredFlag });
export const profileMetadata = (change: Partial<StoreMetadataRequest> = {}) =>
	encode(StoreMetadataRequest, {
		iccid: Iccid.toBytes(iccid),
		serviceProviderName: "Operator",
		profileName: "Relayed",
		...change,
	});

interface Calls {
	readonly name: string;
	readonly address: string;
	readonly request: Record<string, Uint8Array>;
}

/** An SM-DP+ that gives fixed answers and remembers what it was asked. */
export function smdp(change: Partial<{ [K in keyof Es9PlusClient]: unknown }> = {}) {
	const calls: Calls[] = [];
	const answers: Record<string, unknown> = {
		initiateAuthentication: {
			kind: "ok",
			transactionId,
			serverSigned1: serverSigned1(),
			serverSignature1: signature,
			euiccCiPKIdToBeUsed: hex`F5F5`,
			serverCertificate: testPki().dpAuth.certificate,
		},
		authenticateClient: {
			kind: "ok",
			transactionId,
			profileMetadata: profileMetadata(),
			smdpSigned2: smdpSigned2(),
			smdpSignature2: signature,
			smdpCertificate: testPki().dpPb.certificate,
		},
		getBoundProfilePackage: { kind: "ok", transactionId, boundProfilePackage: bpp },
		cancelSession: { kind: "ok" },
		...change,
	};
	const call = (name: string) => async (address: string, request: unknown) => {
		calls.push({ name, address, request: request as Record<string, Uint8Array> });
		const answer = answers[name];
		if (answer instanceof Error) throw answer;
		return answer as Es9PlusAnswer<never>;
	};
	const es9plus: Es9PlusClient = {
		initiateAuthentication: call("initiateAuthentication"),
		authenticateClient: call("authenticateClient"),
		getBoundProfilePackage: call("getBoundProfilePackage"),
		cancelSession: call("cancelSession"),
		handleNotification: async (address, notification) => {
			calls.push({ name: "handleNotification", address, request: { notification } });
			if (answers.handleNotification instanceof Error) throw answers.handleNotification;
		},
	};
	return { es9plus, calls, answers };
}

export const refused = (subjectCode: string, reasonCode: string, esipaError: number) => ({
	kind: "refused",
	refusal: { subjectCode, reasonCode, esipaError },
});
export const unreachable = new Es9PlusError("ES9PLUS_UNREACHABLE", "no line");

/** Orders a download and takes its trigger. */
export async function startDownload(
	given: ReturnType<typeof smdp> = smdp(),
	parameters: object = {},
	more: {
		readonly device?: Partial<Device>;
		readonly bench?: BenchOptions;
		readonly source?: DownloadSource;
		readonly lifetime?: Duration;
	} = {},
) {
	const bench = await esipaBench({ es9plus: given.es9plus, ...more.bench });
	// What an order asks of the way is only sent to an IPA that has said that it can go it.
	const asked = { ...more.source, ...parameters };
	const told = "mode" in asked || "expected" in asked ? { ipaCapabilities: capabilities("11") } : {};
	await bench.register(eid, { ...told, ...more.device });
	const source = more.source ?? { smdpAddress: SMDP, matchingId: "M-1" };
	const order = { type: "download", parameters: { ...source, ...parameters } } as const;
	const id = await bench.order(eid, order, more.lifetime);
	const trigger = await takeTrigger(bench);
	return { bench, id, trigger, eimTransactionId: trigger.eimTransactionId as Uint8Array, ...given };
}

/** The trigger that a poll gives. */
export async function takeTrigger(bench: Awaited<ReturnType<typeof esipaBench>>) {
	const response = packageIn(await bench.ask(poll(eid)));
	if (!("profileDownloadTriggerRequest" in response)) throw new Error("no trigger");
	return response.profileDownloadTriggerRequest;
}

/** IpaCapabilities with these features, by their bits. */
export const capabilities = (bits: string) => encode(IpaCapabilities, { ipaFeatures: bits });

export const info1 = hex`BF20 0F 82 03 020500 A9 03 04 01 AA AA 03 04 01 BB`;
export const initiate = (eimTransactionId: Uint8Array | undefined, smdpAddress: string | undefined = SMDP) =>
	tlv(
		0xbf39,
		tlv(0x81, euiccChallenge),
		...(smdpAddress === "" ? [] : [tlv(0x83, utf8(smdpAddress))]),
		info1,
		...(eimTransactionId === undefined ? [] : [tlv(0x82, eimTransactionId)]),
	);
export const initiateError = (code: number) => tlv(0xbf39, tlv(0x81, Uint8Array.of(code)));

interface Signer {
	readonly certificate: Uint8Array;
	readonly privateKey: ReturnType<typeof testPki>["euicc"]["privateKey"];
}

/** BF3B of a card. */
export function authenticate(card: Signer = testPki().euicc, id = transactionId): Uint8Array {
	const euiccSigned1 = keep(EuiccSigned1, {
		transactionId: id,
		serverAddress: SMDP,
		serverChallenge: new Uint8Array(16),
		euiccInfo2,
		ctxParams1: {
			ctxParamsForCommonAuthentication: { deviceInfo: { tac: new Uint8Array(4), deviceCapabilities: {} } },
		},
	});
	const bf38 = encode(AuthenticateServerResponse, {
		authenticateResponseOk: {
			euiccSigned1,
			euiccSignature1: signRaw(card.privateKey, euiccSigned1.der),
			euiccCertificate: card.certificate,
			eumCertificate: testPki().eum.certificate,
		},
	});
	return tlv(0xbf3b, tlv(0x80, id), bf38);
}

/** BF37 of a card. */
export function installation(
	finalResult: ProfileInstallationResultData["finalResult"] = {
		successResult: { aid: hex`A0000005591010FFFFFFFF8900001100`, simaResponse: hex`3007A0053003800100` },
	},
	key = testPki().euicc.privateKey,
	{ address = SMDP, smdpOid = "2.999.10" }: { readonly address?: string; readonly smdpOid?: string } = {},
): Uint8Array {
	const data = keep(ProfileInstallationResultData, {
		transactionId,
		notificationMetadata: {
			seqNumber: 17,
			profileManagementOperation: NotificationEvent.of("notificationInstall"),
			notificationAddress: address,
			iccid: Iccid.toBytes(iccid),
		},
		smdpOid,
		finalResult,
	});
	return encode(ProfileInstallationResult, {
		profileInstallationResultData: data,
		euiccSignPIR: signRaw(key, data.der),
	});
}

/** BF3A of a card that refuses: enough to be relayed. */
export const prepared = (id = transactionId) => tlv(0xbf3a, tlv(0x80, id), hex`BF21 09 A1 07 80 02 0102 02 01 7F`);

/** BF3D. */
export const notify = (notification: Uint8Array) => tlv(0xbf3d, tlv(0xa0, notification));
