import { X509Certificate } from "node:crypto";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import type { HttpClient } from "@iot-esim/shared/transport/http/client";
import {
	createHttpsListener,
	type IncomingRequest,
	type OutgoingResponse,
} from "@iot-esim/shared/transport/http/server";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { makeTestPki } from "@iot-esim/sim/pki/test-pki";
import { afterEach, describe, expect, it } from "vitest";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { httpAsn1Link } from "./http-asn1.ts";
import type { EsipaTarget } from "./http-link.ts";

// TLS goes by this machine's date.
const pki = makeTestPki({ curve: "P-256", random: systemRandom, now: Date.now() });
const pem = (der: Uint8Array) => new X509Certificate(der).toString();
const server = pki.eimTls;
const identity = {
	certificate: pem(server.certificate),
	key: server.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
};
const serverKey = new Uint8Array(
	new X509Certificate(server.certificate).publicKey.export({ type: "spki", format: "der" }),
);
const otherKey = new Uint8Array(
	new X509Certificate(pki.dpTls.certificate).publicKey.export({ type: "spki", format: "der" }),
);
const NAME = new X509Certificate(server.certificate).subjectAltName?.match(/DNS:([^,]+)/)?.[1] ?? "";
const POLL = hex`BF4F00`;

const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

async function eimServer(answer: (request: IncomingRequest) => OutgoingResponse) {
	const requests: IncomingRequest[] = [];
	const listener = createHttpsListener(
		(request) => {
			requests.push(request);
			return answer(request);
		},
		{ identity },
	);
	const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
	closers.push(() => listener.close());
	return { requests, hosts: { [NAME]: `127.0.0.1:${port}` } };
}

function linkTo(
	hosts: Readonly<Record<string, string>>,
	trustedTlsKey: EsipaTarget["trustedTlsKey"],
	more: { readonly eimFqdn?: string; readonly fallbackCa?: readonly string[]; readonly timeout?: number } = {},
) {
	const link = httpAsn1Link(
		{ eimId: "eim", eimFqdn: more.eimFqdn ?? NAME, trustedTlsKey },
		{ clock: systemClock, timeout: Seconds(more.timeout ?? 5), hosts, fallbackCa: more.fallbackCa ?? [] },
	);
	closers.push(() => link.close());
	return link;
}

describe("ESipa over HTTPS in ASN.1", () => {
	it("posts one message without a wrapper, with the headers of the standard, and gives the answer's octets", async () => {
		const { requests, hosts } = await eimServer(() => ({ status: 200, body: hex`BF4F03020101` }));
		const answer = await linkTo(hosts, { publicKey: serverKey }).exchange(POLL);
		expect(toHex(answer)).toBe("BF4F03020101");
		expect(requests).toHaveLength(1);
		expect(requests[0]).toMatchObject({ method: "POST", path: "/gsma/rsp2/asn1" });
		expect(toHex(requests[0]?.body ?? hex``)).toBe(toHex(POLL));
		expect(requests[0]?.headers).toMatchObject({
			host: NAME,
			"content-type": "application/x-gsma-rsp-asn1",
			"user-agent": "gsma-rsp-ipad",
			"x-admin-protocol": expect.stringMatching(/^gsma\/rsp\/v2\.\d+\.\d+$/),
		});
	});

	it("lets an exchange end that is under way when the device has another address, then opens its connection anew", async () => {
		const answers: ((body: Uint8Array) => void)[] = [];
		let [made, closed] = [0, 0];
		const makeClient = (): HttpClient => {
			made++;
			return {
				request: () => new Promise((resolve) => answers.push((body) => resolve({ status: 200, headers: {}, body }))),
				close: () => void closed++,
			};
		};
		const link = httpAsn1Link(
			{ eimId: "eim", eimFqdn: NAME, trustedTlsKey: { publicKey: serverKey } },
			{ clock: new FakeClock(), timeout: Seconds(5), makeClient },
		);
		const answer = link.exchange(POLL);
		link.renew?.();
		expect([made, closed]).toEqual([1, 0]);
		answers[0]?.(hex`BF4F03020101`);
		expect(toHex(await answer)).toBe("BF4F03020101");
		expect(closed).toBe(1);
		void link.exchange(POLL);
		expect(made).toBe(2);
	});

	it("opens its connection anew also after an exchange that could not even begin", async () => {
		let made = 0;
		const makeClient = (): HttpClient => {
			if (++made === 1) throw new Error("no socket");
			return { request: async () => ({ status: 200, headers: {}, body: hex`BF4F00` }), close: () => undefined };
		};
		const link = httpAsn1Link(
			{ eimId: "eim", eimFqdn: NAME, trustedTlsKey: { publicKey: serverKey } },
			{ clock: new FakeClock(), timeout: Seconds(5), makeClient },
		);
		await expect(link.exchange(POLL)).rejects.toThrow("no socket");
		await link.exchange(POLL);
		link.renew?.();
		await link.exchange(POLL);
		expect(made).toBe(3);
	});

	it.each([
		["the pinned key", { publicKey: serverKey }],
		["the certificate itself", { certificate: server.certificate }],
		["the certificate of its CA", { certificate: issuerOf(server.certificate) }],
	])("trusts the server by %s of the eIM configuration on the card", async (_how, trust) => {
		const { hosts } = await eimServer(() => ({ status: 200, body: hex`BF4F03020101` }));
		await expect(linkTo(hosts, trust).exchange(POLL)).resolves.toHaveLength(6);
	});

	it.each([
		["another key", { publicKey: otherKey }],
		["another certificate", { certificate: pki.dpTls.certificate }],
	])("tells nothing to a server when the card trusts %s", async (_how, trust) => {
		const { hosts, requests } = await eimServer(() => ({ status: 200 }));
		await expect(linkTo(hosts, trust).exchange(POLL)).rejects.toMatchObject({
			code: "IPA_EIM_UNREACHABLE",
			context: { transportCode: "TRANSPORT_TLS_UNTRUSTED" },
		});
		expect(requests).toHaveLength(0);
	});

	it("uses the configured CA only where the card has no key, and refuses to go without any", async () => {
		const { hosts } = await eimServer(() => ({ status: 200, body: hex`BF4F03020101` }));
		const fallbackCa = [pem(issuerOf(server.certificate))];
		await expect(linkTo(hosts, undefined, { fallbackCa }).exchange(POLL)).resolves.toHaveLength(6);
		await expect(linkTo(hosts, { publicKey: otherKey }, { fallbackCa }).exchange(POLL)).rejects.toMatchObject({
			code: "IPA_EIM_UNREACHABLE",
		});
		expect(() => linkTo(hosts, undefined)).toThrow("no trustedPublicKeyDataTls");
		expect(() => httpAsn1Link({ eimId: "eim", eimFqdn: undefined, trustedTlsKey: undefined }, options())).toThrow(
			"no FQDN",
		);
	});

	it("takes 204 and an empty 200 as an answer without contents", async () => {
		let status = 204;
		const { hosts } = await eimServer(() => ({ status }));
		const link = linkTo(hosts, { publicKey: serverKey });
		await expect(link.exchange(POLL)).resolves.toHaveLength(0);
		status = 200;
		await expect(link.exchange(POLL)).resolves.toHaveLength(0);
	});

	it.each([400, 415, 500, 503])(
		"reports status %i as an error of the link, to be tried again later",
		async (status) => {
			const { hosts } = await eimServer(() => ({ status, body: hex`BF4F03020101` }));
			await expect(linkTo(hosts, { publicKey: serverKey }).exchange(POLL)).rejects.toMatchObject({
				code: "IPA_EIM_STATUS",
				retryable: true,
				context: { status },
			});
		},
	);

	it("says that nobody listens, and gets through once somebody does", async () => {
		const { hosts } = await eimServer(() => ({ status: 200, body: hex`BF4F03020101` }));
		const nobody = linkTo({ [NAME]: "127.0.0.1:1" }, { publicKey: serverKey });
		await expect(nobody.exchange(POLL)).rejects.toMatchObject({
			code: "IPA_EIM_UNREACHABLE",
			context: { transportCode: "TRANSPORT_CONNECT_REFUSED" },
		});
		await expect(linkTo(hosts, { publicKey: serverKey }).exchange(POLL)).resolves.toHaveLength(6);
	});

	it("keeps a connection for a while and does not use one that has been idle", async () => {
		const made: string[] = [];
		const clock = new FakeClock();
		const link = httpAsn1Link(
			{ eimId: "eim", eimFqdn: NAME, trustedTlsKey: { publicKey: serverKey } },
			{
				clock,
				timeout: Seconds(5),
				makeClient: (tls) => {
					made.push(tls.kind);
					return { request: async () => ({ status: 200, headers: {}, body: hex`BF4F00` }), close: () => undefined };
				},
			},
		);
		await link.exchange(POLL);
		await link.exchange(POLL);
		expect(made).toEqual(["pinned"]);
		await clock.advance(Seconds(10));
		await link.exchange(POLL);
		expect(made).toEqual(["pinned", "pinned"]);
	});
});

function options() {
	return { clock: systemClock, timeout: Seconds(5) };
}

/** The CA that has issued a certificate of the test PKI. */
function issuerOf(der: Uint8Array): Uint8Array {
	const certificate = new X509Certificate(der);
	const candidates = [pki.ci.certificate, pki.tlsCa.certificate];
	const issuer = candidates.find((one) => certificate.verify(new X509Certificate(one).publicKey));
	if (issuer === undefined) throw new Error("no issuer in the PKI");
	return issuer;
}
