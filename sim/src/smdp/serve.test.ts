import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { issueCrl } from "@iot-esim/shared/pki/crl";
import { certificateToPem } from "@iot-esim/shared/pki/pem";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { createHttpClient, type HttpClient } from "@iot-esim/shared/transport/http/client";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Days, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadPki, savePki } from "../pki/pki-directory.ts";
import { pkisFromFolders } from "../rsp-server/credentials.ts";
import { crlsFromFiles } from "../rsp-server/options.ts";
import { isProcessRunning, processIdentity } from "../rsp-server/process-identity.ts";
import { testPki } from "../rsp-server/test/pki-on-curve.ts";
import { codeOf, post } from "../rsp-server/test/rsp-client.ts";
import { credentialsOf } from "./credentials.ts";
import { simSmdpProgram } from "./program.ts";
import { ICCID, profileYaml, SmdpBench } from "./test/bench.ts";
import { DownloadClient } from "./test/download-client.ts";

let bench: SmdpBench;
const clients: HttpClient[] = [];
beforeEach(() => {
	bench = new SmdpBench();
	savePki(join(bench.folder, "pki-brainpool"), testPki("brainpoolP256r1"));
});
afterEach(() => {
	for (const client of clients.splice(0)) client.close();
	bench.stop();
});

/** The program with its effects; `stop` ends `run`. */
function program() {
	const lines: string[] = [];
	let stop: () => void = () => undefined;
	const untilStopped = () =>
		new Promise<void>((resolve) => {
			stop = resolve;
		});
	const run = async (...args: string[]): Promise<void> => {
		const httpClient = (certificates: readonly string[]) => trusting(certificates);
		await simSmdpProgram({
			clock: bench.clock,
			print: (line) => lines.push(line),
			logger: () => silentLogger,
			httpClient,
			self: processIdentity(process.pid),
			isRunning: isProcessRunning,
			untilStopped,
		})
			.exitOverride()
			.parseAsync(args, { from: "user" });
	};
	return { run, lines, stop: () => stop() };
}

function trusting(certificates: readonly string[], hosts: Record<string, string> = {}): HttpClient {
	const tls = certificates.length === 0 ? ({ kind: "none" } as const) : ({ kind: "ca", certificates } as const);
	const client = createHttpClient({ tls, hosts, timeout: Seconds(10) });
	clients.push(client);
	return client;
}

async function listening(lines: readonly string[]): Promise<{ https: string; bench: string }> {
	await expect.poll(() => lines.length, { interval: 5 }).toBeGreaterThan(0);
	return (JSON.parse(lines[0] ?? "{}") as { listening: { https: string; bench: string } }).listening;
}

/** A handler that is the server at the other end of a connection. */
function remote(client: HttpClient, origin: string): ConstructorParameters<typeof DownloadClient>[0] {
	return async ({ path, body, headers }) => {
		const sent = { "Content-Type": String(headers["content-type"] ?? "") };
		return client.request({ method: "POST", url: `${origin}${path}`, headers: sent, body }).then((response) => ({
			status: response.status,
			body: response.body,
		}));
	};
}

describe("sim-smdp run", () => {
	it.each(["P-256", "brainpoolP256r1"] as const)(
		"serves cards of both CIs at once, its TLS being on %s",
		async (curve) => {
			const { run, lines, stop } = program();
			const folders = `${join(bench.folder, "pki")},${join(bench.folder, "pki-brainpool")}`;
			const state = join(bench.folder, "served");
			const done = run(
				"run",
				"--dir",
				state,
				"--pki",
				folders,
				"--port",
				"0",
				"--tls-curve",
				curve,
				"--log-level",
				"error",
			);
			const { https, bench: benchUrl } = await listening(lines);
			const hosts = { "smdp.example.com": https.replace("https://", "") };
			const client = trusting([certificateToPem(testPki(curve).ci.certificate)], hosts);
			for (const [index, cardCurve] of (["P-256", "brainpoolP256r1"] as const).entries()) {
				const iccid = `890010100000000001${index}`;
				const file = join(bench.folder, `${iccid}.yaml`);
				writeFileSync(file, profileYaml(iccid));
				await run("import", file, "--dir", state);
				await run(
					"order",
					"--bench",
					benchUrl,
					"--iccid",
					iccid,
					"--matching-id",
					`M-${index}`,
					"--eid",
					bench.pki.eid,
				);
				expect(lines.at(-1)).toContain(`"activationCode":"1$smdp.example.com$M-${index}"`);
				const lpa = new DownloadClient(remote(client, "https://smdp.example.com"), testPki(cardCurve));
				const { profile } = await lpa.download({ matchingId: `M-${index}` });
				const upp = await trusting([]).request({ method: "GET", url: `${benchUrl}/bench/v1/profiles/${iccid}/upp` });
				expect(profile).toEqual(upp.body);
			}
			stop();
			await done;
			await expect(client.request({ method: "GET", url: "https://smdp.example.com/healthz" })).rejects.toThrow();
		},
	);

	it("refuses a state folder that a running program uses, and options that it does not know", async () => {
		const { run, lines, stop } = program();
		const pki = join(bench.folder, "pki");
		const state = join(bench.folder, "served");
		const done = run("run", "--dir", state, "--pki", pki, "--port", "0");
		await listening(lines);
		const again = () => program().run("run", "--dir", state, "--pki", pki, "--port", "0");
		await expect(again()).rejects.toMatchObject({ code: "RSP_SERVER_STATE_IN_USE" });
		stop();
		await done;
		const wrong = async (...args: string[]) =>
			expect(program().run("run", "--dir", state, "--pki", pki, ...args)).rejects.toMatchObject({
				code: "RSP_SERVER_OPTION",
			});
		await wrong("--port", "70000");
		await wrong("--curve", "brainpool");
		await wrong("--curve", "ed25519");
		await wrong("--order-lifetime", "soon");
		await wrong("--log-level", "loud");
		await wrong("--port", "0", "--tls-curve", "brainpool");
	});

	it("refuses a revoked eUICC (8.1.3/6.1) and EUM (8.1.2/6.1) by the lists of --crl", async () => {
		const { ci, eum, euicc } = bench.pki;
		const revocation = (issuer: typeof ci, certificate: Uint8Array) => {
			const { serialNumber } = parseCertificate(certificate);
			const at = bench.clock.now() - Seconds(60);
			return issueCrl({
				issuer: parseCertificate(issuer.certificate),
				privateKey: issuer.privateKey,
				thisUpdate: at,
				nextUpdate: at + Days(1),
				crlNumber: 1,
				revoked: [{ serialNumber, at }],
			});
		};
		const matchingId = await bench.order();
		const withList = async (crl: Uint8Array) => {
			const file = join(bench.folder, "list.crl");
			writeFileSync(file, crl);
			const crls = crlsFromFiles([file]);
			const credentials = pkisFromFolders([join(bench.folder, "pki")], ["P-256"]).map((pki) =>
				credentialsOf(pki, crls),
			);
			const other = new SmdpBench("P-256", { credentials, stateFolder: bench.stateFolder });
			const { answer } = await other.client.download({ matchingId });
			other.stop();
			return codeOf(answer);
		};
		expect(await withList(revocation(eum, euicc.certificate))).toBe("8.1.3/6.1");
		expect(await withList(revocation(ci, eum.certificate))).toBe("8.1.2/6.1");
		expect(() => crlsFromFiles([join(bench.folder, "pki", "ci.pem")])).toThrow(/--crl/);
	});

	it("tells the operator's server how a download goes on", async () => {
		const { run, lines, stop } = program();
		const received: string[] = [];
		const { createHttpListener } = await import("@iot-esim/shared/transport/http/server");
		const operator = createHttpListener((request) => {
			received.push(`${request.path} ${new TextDecoder().decode(request.body)}`);
			return { status: 204 };
		});
		const { port } = await operator.listen({ host: "127.0.0.1", port: 0 });
		const state = join(bench.folder, "served");
		const args = ["--dir", state, "--pki", join(bench.folder, "pki"), "--port", "0"];
		const done = run("run", ...args, "--progress-url", `http://127.0.0.1:${port}`);
		const { https, bench: benchUrl } = await listening(lines);
		const file = join(bench.folder, "p.yaml");
		writeFileSync(file, profileYaml(ICCID));
		await run("import", file, "--dir", state);
		await run("order", "--bench", benchUrl, "--iccid", ICCID, "--matching-id", "M");
		const hosts = { "smdp.example.com": https.replace("https://", "") };
		const client = trusting([certificateToPem(bench.pki.ci.certificate)], hosts);
		await new DownloadClient(remote(client, "https://smdp.example.com"), bench.pki).download({ matchingId: "M" });
		await expect.poll(() => received.length).toBeGreaterThan(1);
		expect(received[1]).toContain("/gsma/rsp2/es2plus/handleDownloadProgressInfo");
		expect(received[1]).toContain('"notificationPointId":3');
		stop();
		await done;
		await operator.close();
	});

	it("reads the files of SGP.26 on both curves when they are there", async (context) => {
		const sgp26 = new URL("../../../../shared/data/certs/", import.meta.url).pathname;
		try {
			readFileSync(join(sgp26, "CERT_CI_ECDSA_NIST.der"));
		} catch {
			console.log(`SKIPPED: no GSMA SGP.26 certificates in ${sgp26}`);
			return context.skip("needs the GSMA SGP.26 certificates");
		}
		const credentials = pkisFromFolders([sgp26], ["P-256", "brainpoolP256r1"]).map((pki) => credentialsOf(pki));
		expect(credentials.map(({ curve }) => curve)).toEqual(["P-256", "brainpoolP256r1"]);
		expect(loadPki(sgp26).curve).toBe("P-256");
	});
});

describe("faults", () => {
	it("make the next requests go wrong as they were asked to, and then no more", async () => {
		const matchingId = await bench.order();
		const arm = async (fault: unknown) => (await post(bench.smdp.handleBench, "/bench/v1/faults", fault)).status;
		expect(
			await arm({ function: "initiateAuthentication", kind: "refuse", subjectCode: "8.8.5", reasonCode: "4.10" }),
		).toBe(201);
		expect(await arm({ function: "authenticateClient", kind: "status", status: 503 })).toBe(201);
		expect(await arm({ function: "getBoundProfilePackage", kind: "something" })).toBe(400);
		expect(await arm("{")).toBe(400);
		expect(codeOf(await bench.client.initiate())).toBe("8.8.5/4.10");
		await expect(bench.client.download({ matchingId })).rejects.toThrow(/status 503/);
		expect((await bench.client.download({ matchingId })).profile).toBeDefined();
	});

	it("lose an answer after the request was carried out", async () => {
		const { run, lines, stop } = program();
		const state = join(bench.folder, "served");
		const done = run("run", "--dir", state, "--pki", join(bench.folder, "pki"), "--port", "0");
		const { https, bench: benchUrl } = await listening(lines);
		const hosts = { "smdp.example.com": https.replace("https://", "") };
		const client = trusting([certificateToPem(bench.pki.ci.certificate)], hosts);
		const body = utf8(JSON.stringify({ function: "initiateAuthentication", kind: "lose-answer" }));
		await trusting([]).request({ method: "POST", url: `${benchUrl}/bench/v1/faults`, body });
		const lpa = new DownloadClient(remote(client, "https://smdp.example.com"), bench.pki);
		await expect(lpa.initiate()).rejects.toMatchObject({ code: "TRANSPORT_RESET" });
		const health = await trusting([]).request({ method: "GET", url: `${benchUrl}/healthz` });
		expect(JSON.parse(new TextDecoder().decode(health.body))).toMatchObject({ sessions: 1 });
		stop();
		await done;
	});
});
