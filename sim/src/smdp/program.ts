import { readFileSync } from "node:fs";
import { certificateToPem } from "@iot-esim/shared/pki/pem";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Command } from "commander";
import { pkisFromFolders } from "../rsp-server/credentials.ts";
import { crlsFromFiles } from "../rsp-server/options.ts";
import type { ServerEffects } from "../rsp-server/process-effects.ts";
import { credentialsOf } from "./credentials.ts";
import { SmdpError } from "./errors.ts";
import { importFile } from "./import-command.ts";
import { runOptions } from "./run-options.ts";
import { serveSmdp } from "./serve.ts";

export type SimSmdpEffects = ServerEffects;

const DEFAULT_ADDRESS = "smdp.example.com";

/** `sim-smdp run`, `sim-smdp import` and `sim-smdp order`. */
export function simSmdpProgram(effects: SimSmdpEffects): Command {
	const program = new Command("sim-smdp").description("an SM-DP+ for tests: ES9+ in JSON and ASN.1, ES2+ in JSON");
	program
		.command("run")
		.description("serve; prints one JSON line when it listens")
		.requiredOption("--dir <folder>", "where profiles, orders and notifications are kept")
		.requiredOption("--pki <folder,...>", "certificates and keys (sim-pki init, or the files of SGP.26)")
		.option("--crl <file,...>", "revocation lists (DER) of the CI and of EUMs")
		.option("--port <number>", "port of ES9+ and ES2+ over HTTPS; 0 takes a free one", "8443")
		.option("--listen <address>", "where ES9+ and ES2+ listen", "127.0.0.1")
		.option("--bench-port <number>", "loopback port of the bench face over plain HTTP; 0 takes a free one", "0")
		.option("--address <name,...>", "FQDN[:port] of the SM-DP+, as clients ask for it", DEFAULT_ADDRESS)
		.option("--curve <curve>", "P-256, brainpool or both", "both")
		.option("--tls-curve <curve>", "curve of the TLS certificate; that of the first PKI folder when absent")
		.option("--progress-url <url>", "where ES2+.HandleDownloadProgressInfo goes")
		.option("--progress-ca <file>", "CA certificates (PEM) for an https progress URL")
		.option("--smds-ca <file>", "CA certificates (PEM) of SM-DS; the CIs of --pki when absent")
		.option("--hosts <name=host:port,...>", "where SM-DS and the progress URL really are")
		.option("--order-lifetime <duration>", "how long an order waits for its download, as 30d; for ever when absent")
		.option("--session-lifetime <duration>", "how long a session may take", "1h")
		.option("--confirmation-attempts <number>", "wrong confirmation codes until an order fails", "3")
		.option("--download-attempts <number>", "attempts to download until an order fails", "25")
		.option("--no-rebinding", "refuse another one-time key than that of the first attempt (8.2/3.7)")
		.option("--no-public-es2plus", "serve ES2+ on the bench face only: there is no client authentication")
		.option("--log-level <level>", "trace, debug, info, warn or error", "info")
		.action((options: Record<string, string | boolean>) => run(options, effects));
	program
		.command("import")
		.description("take profiles into the inventory; also while the SM-DP+ runs")
		.argument("<file...>", "UPP in DER with an optional FILE.yaml beside it, or a description in YAML")
		.requiredOption("--dir <folder>", "the state folder of the SM-DP+")
		.option("--address <name>", "address for notifications where the file names none", DEFAULT_ADDRESS)
		.option("--profile-type <name>", "name by which ES2+ orders any profile of a kind")
		.action((files: string[], options: { dir: string; address: string; profileType?: string }) => {
			for (const file of files) {
				const { iccid, profileType, imsi } = importFile(file, options, effects.clock);
				effects.print(JSON.stringify({ imported: { iccid, profileType, imsi, file } }));
			}
		});
	program
		.command("order")
		.description("order, confirm and release a profile (ES2+ over the bench face)")
		.requiredOption("--bench <url>", "address of the bench face, as printed by run")
		.option("--iccid <digits>", "the profile")
		.option("--profile-type <name>", "any available profile of this type")
		.option("--eid <digits>", "the only eUICC that may download it")
		.option("--matching-id <text>", "MatchingID; a random one when absent")
		.option("--smds <address>", "SM-DS where the eUICC of --eid shall find the order")
		.option("--confirmation-code <text>", "code that the end user has to enter")
		.action((options: Record<string, string>) => order(options, effects));
	return program;
}

async function run(options: Record<string, string | boolean>, effects: SimSmdpEffects): Promise<void> {
	const { clock, self, isRunning, print } = effects;
	const wanted = runOptions(options);
	const crls = crlsFromFiles(wanted.crlFiles);
	const credentials = pkisFromFolders(wanted.pkiFolders, wanted.curves).map((pki) => credentialsOf(pki, crls));
	const client =
		wanted.progressUrl === undefined
			? undefined
			: effects.httpClient(
					wanted.progressCa === undefined ? [] : [readFileSync(wanted.progressCa, "utf8")],
					wanted.hosts,
				);
	const smdsCas =
		wanted.smdsCa === undefined
			? credentials.map(({ ci }) => certificateToPem(ci.der))
			: [readFileSync(wanted.smdsCa, "utf8")];
	const smdsClient = effects.httpClient(smdsCas, wanted.hosts);
	const server = await serveSmdp({
		...wanted,
		credentials,
		clock,
		random: systemRandom,
		logger: effects.logger(wanted.logLevel),
		self,
		isRunning,
		smdsClient,
		...(client === undefined ? {} : { client }),
	});
	print(JSON.stringify({ listening: server.listening, address: wanted.addresses[0], pid: self.pid }));
	await effects.untilStopped();
	await server.stop();
	client?.close();
	smdsClient.close();
}

interface OrderAnswer {
	readonly header?: { readonly functionExecutionStatus?: { readonly statusCodeData?: { readonly message?: string } } };
	readonly iccid?: string;
	readonly matchingId?: string;
	readonly smdpAddress?: string;
}

async function order(options: Record<string, string>, effects: SimSmdpEffects): Promise<void> {
	const client = effects.httpClient([]);
	const { iccid, profileType, eid, matchingId, confirmationCode, smds: smdsAddress } = options;
	const call = async (name: string, body: unknown): Promise<OrderAnswer> => {
		const url = `${options.bench?.replace(/\/$/, "")}/gsma/rsp2/es2plus/${name}`;
		const headers = { "Content-Type": "application/json" };
		const response = await client.request({ method: "POST", url, headers, body: utf8(JSON.stringify(body)) });
		if (response.status !== 200)
			throw new SmdpError("SMDP_ORDER_REFUSED", `${url} answered with status ${response.status}`);
		const answer = JSON.parse(new TextDecoder().decode(response.body)) as OrderAnswer;
		const refused = answer.header?.functionExecutionStatus?.statusCodeData;
		if (refused !== undefined) throw new SmdpError("SMDP_ORDER_REFUSED", `${name} was refused: ${refused.message}`);
		return answer;
	};
	try {
		const ordered = await call("downloadOrder", { iccid, profileType, eid });
		const request = { iccid: ordered.iccid, eid, matchingId, confirmationCode, smdsAddress, releaseFlag: true };
		const confirmed = await call("confirmOrder", request);
		const needsCode = confirmationCode === undefined ? "" : "$$1";
		const activationCode = `1$${confirmed.smdpAddress}$${confirmed.matchingId}${needsCode}`;
		effects.print(JSON.stringify({ ordered: { iccid: ordered.iccid, activationCode } }));
	} finally {
		client.close();
	}
}
