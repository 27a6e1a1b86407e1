import { decode, encode } from "@iot-esim/shared/asn1/schema";
import { LoadCRLRequest, LoadCRLResponse } from "@iot-esim/shared/messages/sgp22/crl";
import { EUICCInfo2, RspCapability } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { PrepareDownloadRequest, PrepareDownloadResponse } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { issueCrl } from "@iot-esim/shared/pki/crl";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { hex } from "@iot-esim/shared/util/bytes";
import { Days } from "@iot-esim/shared/util/duration";
import { describe, expect, it } from "vitest";
import { shows } from "../../../../test/conformance/claim.ts";
import { observedCard } from "../../../../test/conformance/observation.ts";
import { makeTestPki } from "../../pki/test-pki.ts";
import { CardBench, testPki } from "../testing/card-bench.ts";
import { TestSmdp } from "../testing/test-smdp.ts";

const NOW = Date.UTC(2026, 0, 1);
const serialOf = (certificate: Uint8Array) => parseCertificate(certificate).serialNumber;

describe.each(["P-256", "brainpoolP256r1"] as const)("LoadCRL on %s", (curve) => {
	const pki = testPki(curve);

	function list(change: Partial<Parameters<typeof issueCrl>[0]> = {}, serials: readonly string[] = []): Uint8Array {
		return issueCrl({
			issuer: parseCertificate(pki.ci.certificate),
			privateKey: pki.ci.privateKey,
			thisUpdate: NOW,
			nextUpdate: NOW + Days(30),
			crlNumber: 1,
			revoked: serials.map((serialNumber) => ({ serialNumber, at: NOW })),
			...change,
		});
	}

	async function load(bench: CardBench, crl: Uint8Array): Promise<LoadCRLResponse> {
		return decode(LoadCRLResponse, (await bench.es10(encode(LoadCRLRequest, { crl }))).data);
	}

	const start = () => new CardBench({ pkis: [pki] }).start();
	const refusal = (code: number) => ({ loadCRLResponseError: code });
	const done = { loadCRLResponseOk: {} };

	it("refuses the servers that the list names from then on, also after a loss of power", async (context) => {
		const bench = await start();
		bench.card = observedCard(bench.card, ["eUICC"]);
		const smdp = new TestSmdp(pki);
		await smdp.authenticate(bench);
		expect(await load(bench, list({}, [serialOf(pki.dpAuth.certificate)]))).toEqual(done);
		await bench.restart();
		await expect(smdp.authenticate(bench)).rejects.toThrow('"authenticateErrorCode":1');
		expect(
			RspCapability.has(decode(EUICCInfo2, (await bench.es10(hex`BF2200`)).data).rspCapability, "crlSupport"),
		).toBe(true);
		const sides = ["eUICC"] as const;
		shows(context, { interface: "ES10a, ES10b, ES10c", functions: ["LoadCRL"], sides, curve });
	});

	it("refuses a revoked binding certificate as well", async () => {
		const bench = await start();
		const smdp = new TestSmdp(pki);
		expect(await load(bench, list({}, [serialOf(pki.dpPb.certificate)]))).toEqual(done);
		const { euiccSignature1 } = await smdp.authenticate(bench);
		const request = encode(PrepareDownloadRequest, smdp.prepareDownloadRequest(euiccSignature1));
		const answer = (await bench.es10(request)).data;
		expect(decode(PrepareDownloadResponse, answer)).toMatchObject({
			downloadResponseError: { downloadErrorCode: 1 },
		});
	});

	it("takes a list in parts and says which are missing; the parts need their base", async () => {
		const bench = await start();
		const part = (number: number, crlNumber = 7) =>
			list({ crlNumber, partialCrlNumber: number }, [number === 2 ? serialOf(pki.dpAuth.certificate) : "01"]);
		expect(await load(bench, part(1))).toEqual(refusal(6));
		expect(await load(bench, list({ crlNumber: 7, totalPartialCrlNumber: 2 }))).toEqual({
			loadCRLResponseOk: { missingParts: [1, 2] },
		});
		expect(await load(bench, part(1))).toEqual({ loadCRLResponseOk: { missingParts: [2] } });
		await new TestSmdp(pki).authenticate(bench);
		expect(await load(bench, part(2))).toEqual(done);
		await expect(new TestSmdp(pki).authenticate(bench)).rejects.toThrow('"authenticateErrorCode":1');
		expect(await load(bench, part(1, 6))).toEqual(refusal(5));
		expect(await load(bench, part(1, 8))).toEqual(refusal(6));
	});

	it("keeps the fresher list, and a newer one takes its place", async () => {
		const bench = await start();
		const serials = [serialOf(pki.dpAuth.certificate)];
		expect(await load(bench, list({ crlNumber: 5 }, serials))).toEqual(done);
		expect(await load(bench, list({ crlNumber: 4 }))).toEqual(refusal(5));
		expect(await load(bench, list({ crlNumber: 5, thisUpdate: NOW - 1000 }))).toEqual(refusal(5));
		expect(await load(bench, list({ crlNumber: 6 }))).toEqual(done);
		await new TestSmdp(pki).authenticate(bench);
	});

	it("refuses what is no list (2), of no CI of the card (4), or not signed by it (1)", async () => {
		const bench = await start();
		const other = makeTestPki({ curve, random: systemRandom, now: NOW });
		const foreign = { issuer: parseCertificate(other.ci.certificate), privateKey: other.ci.privateKey };
		expect(await load(bench, hex`3003020101`)).toEqual(refusal(2));
		expect(await load(bench, list(foreign))).toEqual(refusal(4));
		expect(await load(bench, list({ privateKey: other.ci.privateKey }))).toEqual(refusal(1));
		const answer = await new TestSmdp(pki).authenticate(bench);
		expect(answer).toHaveProperty("euiccSignature1");
	});
});
