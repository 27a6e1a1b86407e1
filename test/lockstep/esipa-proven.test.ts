/** Where the transport proves which device speaks, no other device speaks in its place, by whatever it names it. */

import { encode, keep } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { Eid } from "@iot-esim/shared/ids/eid";
import { NotificationEvent, NotificationMetadata } from "@iot-esim/shared/messages/sgp22/notification-metadata";
import { OtherSignedNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import { IpaEuiccDataResponse } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { hex } from "@iot-esim/shared/util/bytes";
import { afterEach, describe, expect, it } from "vitest";
import { esipaBench, poll, result, testPki } from "../support/esipa-bench.ts";
import { takeDataRequest } from "../support/esipa-octets.ts";
import {
	authenticate,
	initiate,
	installation,
	notify,
	prepared,
	SMDP,
	startDownload,
	transactionId,
} from "../support/relayed-download.ts";

const { eid, euicc, eum } = testPki();
const known = { euiccCertificate: euicc.certificate, eumCertificate: eum.certificate };
const otherEid = Eid.withCheckDigits("890490320000000000000000000077");
const MINE = { provenEid: eid };
const OTHER = { provenEid: otherEid };

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

const refusal = { code: "ESIPA_OTHER_DEVICE", httpStatus: 403, context: { eid: otherEid, named: eid } };
const refused = (message: Uint8Array) => expect(bench.send(message, OTHER)).rejects.toMatchObject(refusal);
const counted = async () => [
	await bench.store.listResults(eid),
	(await bench.store.listNotifications(eid, { limit: 9 })).items,
];

/** Of an enabled profile, with the certificates that say whose it is. */
function enabled(): Uint8Array {
	const tbs = keep(NotificationMetadata, {
		seqNumber: 9,
		profileManagementOperation: NotificationEvent.of("notificationEnable"),
		notificationAddress: SMDP,
	});
	const euiccNotificationSignature = signRaw(euicc.privateKey, tbs.der);
	return encode(OtherSignedNotification, { tbsOtherNotification: tbs, euiccNotificationSignature, ...known });
}

/** BF41 without a signature. */
const cancel = tlv(0xbf41, tlv(0x80, transactionId), hex`A1 03 81 01 7F`);

describe("a device that has proven to be another one", () => {
	it("takes no part in a download, whose transactions it may know", async () => {
		const started = await startDownload(undefined, {}, { device: known });
		bench = started.bench;
		await bench.register(otherEid);
		const { id, calls, eimTransactionId } = started;
		await refused(initiate(eimTransactionId));
		expect(calls).toEqual([]);
		await bench.send(initiate(eimTransactionId), MINE);
		await refused(authenticate());
		await bench.send(authenticate(), MINE);
		await refused(prepared());
		await refused(cancel);
		await refused(notify(installation()));
		expect(calls.map(({ name }) => name)).toEqual(["initiateAuthentication", "authenticateClient"]);
		expect(await bench.state(id)).toBe("sent");
		expect(await counted()).toEqual([[], []]);
		await bench.send(prepared(), MINE);
		await bench.send(notify(installation()), MINE);
		expect(await bench.state(id)).toBe("succeeded");
	});

	it("brings no poll, result or notification of it, by whatever that names the device", async () => {
		const started = await startDownload(undefined, {}, { device: known });
		bench = started.bench;
		const { id, eimTransactionId } = started;
		const failed = tlv(0xbf54, tlv(0x82, eimTransactionId), hex`30 03 80 01 7F`);
		const certificates = encode(IpaEuiccDataResponse, { ipaEuiccData: known });
		await refused(poll(eid));
		await refused(result(eid, failed));
		await refused(tlv(0xbf3d, result(eid, failed)));
		// What names no EID: by the certificate in it.
		await refused(tlv(0xbf50, certificates));
		await refused(notify(enabled()));
		expect(await bench.state(id)).toBe("sent");
		expect(await counted()).toEqual([[], []]);
		await bench.send(notify(enabled()), MINE);
		expect((await counted())[1]).toHaveLength(1);
	});

	it("brings no result by the transaction that version 1.0 knows a device by", async () => {
		bench = await esipaBench();
		await bench.register(eid);
		await bench.order(eid, { type: "readEuiccData", parameters: {} });
		const eimTransactionId = await takeDataRequest(bench);
		const nothing = tlv(0xbf50, tlv(0xbf52, tlv(0xa1, tlv(0x80, eimTransactionId), hex`02017F`)));
		await refused(nothing);
		expect(await counted()).toEqual([[], []]);
		await bench.send(nothing, MINE);
		expect((await counted())[0]).toHaveLength(1);
	});
});

describe("a device that names itself by nothing", () => {
	it("is the one that it has proven to be", async () => {
		const started = await startDownload();
		bench = started.bench;
		const answer = await bench.send(initiate(undefined), MINE);
		expect(started.calls.map(({ name }) => name)).toEqual(["initiateAuthentication"]);
		expect(answer?.subarray(0, 2)).toEqual(hex`BF39`);
		await bench.send(tlv(0xbf50, hex`A0 03 02 01 7F`), MINE);
		expect(await bench.state(started.id)).not.toBe("sent");
	});
});
