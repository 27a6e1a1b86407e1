import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { ErrorReasonCode } from "@iot-esim/shared/messages/sgp22/profile-installation-result";
import { afterEach, describe, expect, it } from "vitest";
import { testPki } from "../rsp-server/test/pki-on-curve.ts";
import { codeOf } from "../rsp-server/test/rsp-client.ts";
import { SmdpBench } from "./test/bench.ts";
import { DownloadClient } from "./test/download-client.ts";

let bench: SmdpBench | undefined;
afterEach(() => {
	bench?.stop();
	bench = undefined;
});

async function downloaded() {
	bench = new SmdpBench();
	const matchingId = await bench.order();
	const { transactionId } = await bench.client.download({ matchingId });
	return { smdp: bench, matchingId, transactionId, iccid: bench.iccidOctets() };
}

describe("a ProfileInstallationResult", () => {
	it("that reports a failure ends the order in error", async () => {
		const { smdp, matchingId, transactionId, iccid } = await downloaded();
		const errorReason = ErrorReasonCode.installFailedDueToPEProcessingError;
		await smdp.client.notify(smdp.client.installationResult({ transactionId, iccid, errorReason }));
		expect(smdp.stateOf()).toBe("error");
		expect(smdp.smdp.notifications()[0]?.result).toBe("installFailedDueToPEProcessingError");
		expect(codeOf((await smdp.client.download({ matchingId })).answer)).toBe("8.2.6/3.8");
	});

	it("that reports an interruption lets the same order be tried again", async () => {
		const { smdp, matchingId, transactionId, iccid } = await downloaded();
		const errorReason = ErrorReasonCode.installFailedDueToInterruption;
		await smdp.client.notify(smdp.client.installationResult({ transactionId, iccid, errorReason }));
		expect(smdp.stateOf()).toBe("released");
		const again = await smdp.client.download({ matchingId });
		await smdp.client.notify(
			smdp.client.installationResult({ transactionId: again.transactionId, iccid, seqNumber: 2 }),
		);
		expect(smdp.stateOf()).toBe("installed");
	});

	it("of a session before the last one still counts when it is a success, and not when it is a failure", async () => {
		const { smdp, matchingId, transactionId, iccid } = await downloaded();
		await smdp.client.download({ matchingId });
		const early = { transactionId, iccid };
		const errorReason = ErrorReasonCode.installFailedDueToInterruption;
		await smdp.client.notify(smdp.client.installationResult({ ...early, errorReason, seqNumber: 1 }));
		expect(smdp.stateOf()).toBe("downloaded");
		await smdp.client.notify(smdp.client.installationResult({ ...early, seqNumber: 2 }));
		expect(smdp.stateOf()).toBe("installed");
		expect(smdp.smdp.notifications().map(({ isVerified }) => isVerified)).toEqual([true, true]);
	});

	it("with success mends an order that was given up before it came", async () => {
		const { smdp, matchingId, transactionId, iccid } = await downloaded();
		const again = await smdp.client.download({ matchingId });
		const errorReason = ErrorReasonCode.installFailedDueToIccidAlreadyExistsOnEuicc;
		await smdp.client.notify(
			smdp.client.installationResult({ transactionId: again.transactionId, iccid, errorReason }),
		);
		expect(smdp.stateOf()).toBe("error");
		await smdp.client.notify(smdp.client.installationResult({ transactionId, iccid }));
		expect(smdp.stateOf()).toBe("installed");
	});

	it("of another key or another session changes nothing and is kept as not verified", async () => {
		const { smdp, transactionId, iccid } = await downloaded();
		const card = { ...smdp.client.card, privateKey: generateKeyPair("P-256").privateKey };
		await smdp.client.notify(smdp.client.installationResult({ transactionId, iccid, card }));
		await smdp.client.notify(smdp.client.installationResult({ transactionId: "0102", iccid }));
		expect(smdp.stateOf()).toBe("downloaded");
		expect(smdp.smdp.notifications()).toMatchObject([
			{ isVerified: false, remark: expect.stringContaining("euiccSignPIR") },
			{ isVerified: false, remark: expect.stringContaining("0102") },
		]);
	});

	it("is written down once however often it comes, also after a restart", async () => {
		const { smdp, transactionId, iccid } = await downloaded();
		const result = smdp.client.installationResult({ transactionId, iccid });
		await smdp.client.notify(result);
		await smdp.client.notify(result);
		smdp.restart();
		await smdp.client.notify(result);
		expect(smdp.smdp.notifications()).toHaveLength(1);
		expect(smdp.stateOf()).toBe("installed");
	});

	it("after which the session is over", async () => {
		const { smdp, transactionId, iccid } = await downloaded();
		await smdp.client.notify(smdp.client.installationResult({ transactionId, iccid }));
		expect(codeOf(await smdp.client.cancel(transactionId, 0))).toBe("8.10.1/3.9");
	});
});

describe("other notifications", () => {
	it("are verified by the certificates in them", async () => {
		const { smdp, iccid } = await downloaded();
		await smdp.client.notify(smdp.client.otherNotification("notificationEnable", iccid, 5));
		const stranger = new DownloadClient(smdp.smdp.handle, testPki("brainpoolP256r1"));
		await smdp.client.notify(stranger.otherNotification("notificationDelete", iccid, 6));
		expect(smdp.smdp.notifications()).toMatchObject([
			{ event: "enable", seqNumber: 5, eid: smdp.pki.eid, isVerified: true },
			{ event: "delete", seqNumber: 6, isVerified: false },
		]);
		expect(smdp.smdp.notifications()[1]?.eid).toBeUndefined();
	});

	it("that cannot be read are refused with 1.6/2.1", async () => {
		const { smdp } = await downloaded();
		const answer = await smdp.client.call("handleNotification", { pendingNotification: "AAAA" });
		expect(codeOf(answer)).toBe("1.6/2.1");
	});
});

describe("CancelSession", () => {
	async function offered() {
		bench = new SmdpBench();
		const matchingId = await bench.order();
		const offer = await bench.client.authenticate(await bench.client.initiate(), { matchingId });
		return { smdp: bench, matchingId, transactionId: offer.transactionId ?? "" };
	}

	it("lets the order wait after a postponement", async () => {
		const { smdp, matchingId, transactionId } = await offered();
		expect(codeOf(await smdp.client.cancel(transactionId, 1))).toBe("ok");
		expect(smdp.stateOf()).toBe("released");
		expect(codeOf(await smdp.client.cancel(transactionId, 1))).toBe("8.10.1/3.9");
		expect((await smdp.client.download({ matchingId })).profile).toBeDefined();
	});

	it("ends the order after a rejection by the end user", async () => {
		const { smdp, transactionId } = await offered();
		expect(codeOf(await smdp.client.cancel(transactionId, 0))).toBe("ok");
		expect(smdp.stateOf()).toBe("error");
	});

	it("ends a session in which there was nothing for the eUICC", async () => {
		bench = new SmdpBench();
		const initiated = await bench.client.initiate();
		expect(codeOf(await bench.client.authenticate(initiated, { matchingId: "NOTHING" }))).toBe("8.2.6/3.8");
		expect(codeOf(await bench.client.cancel(initiated.transactionId ?? "", 127))).toBe("ok");
		expect(codeOf(await bench.client.cancel(initiated.transactionId ?? "", 127))).toBe("8.10.1/3.9");
	});

	it("refuses another OID (8.8/3.10), another key (8.1/6.1) and an eUICC not yet authenticated (8.1/6.1)", async () => {
		const { smdp, transactionId } = await offered();
		expect(codeOf(await smdp.client.cancel(transactionId, 0, { smdpOid: "2.999.11" }))).toBe("8.8/3.10");
		const card = { ...smdp.client.card, privateKey: generateKeyPair("P-256").privateKey };
		expect(codeOf(await smdp.client.cancel(transactionId, 0, { card }))).toBe("8.1/6.1");
		const initiated = await smdp.client.initiate();
		expect(codeOf(await smdp.client.cancel(initiated.transactionId ?? "", 0))).toBe("8.1/6.1");
		expect(smdp.stateOf()).toBe("released");
	});
});
