import { readFileSync } from "node:fs";
import { certificateToPem } from "@iot-esim/shared/pki/pem";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { Command } from "commander";
import { pkisFromFolders, serverCredentialsOf } from "../rsp-server/credentials.ts";
import { crlsFromFiles } from "../rsp-server/options.ts";
import { postJsonOver } from "../rsp-server/post-json.ts";
import type { ServerEffects } from "../rsp-server/process-effects.ts";
import { serveFaces } from "../rsp-server/serve.ts";
import { smdsOptions } from "./run-options.ts";
import { createSmds } from "./smds.ts";

/** `sim-smds run`. */
export function simSmdsProgram(effects: ServerEffects): Command {
	const program = new Command("sim-smds").description(
		"an SM-DS for tests: ES11 in JSON and ASN.1, ES12 and ES15 in JSON",
	);
	program
		.command("run")
		.description("serve; prints one JSON line when it listens")
		.requiredOption("--dir <folder>", "where events and sessions are kept")
		.requiredOption("--pki <folder,...>", "certificates and keys (sim-pki init, or the files of SGP.26)")
		.option("--crl <file,...>", "revocation lists (DER) of the CI and of EUMs")
		.option("--port <number>", "port of ES11 and ES12 over HTTPS; 0 takes a free one", "8445")
		.option("--listen <address>", "where ES11 and ES12 listen", "127.0.0.1")
		.option("--bench-port <number>", "loopback port of the bench face over plain HTTP; 0 takes a free one", "0")
		.option("--address <name,...>", "FQDN[:port] of the SM-DS, as clients ask for it", "smds.example.com")
		.option("--curve <curve>", "P-256, brainpool or both", "both")
		.option("--tls-curve <curve>", "curve of the TLS certificate; that of the first PKI folder when absent")
		.option("--root <address>", "the root SM-DS, which makes this an alternative one")
		.option("--root-ca <file>", "CA certificates (PEM) of the root SM-DS; the CIs of --pki when absent")
		.option("--hosts <name=host:port,...>", "where the root SM-DS really is")
		.option("--event-lifetime <duration>", "how long an event waits", "30d")
		.option("--session-lifetime <duration>", "how long a session may take", "1h")
		.option("--log-level <level>", "trace, debug, info, warn or error", "info")
		.action((options: Record<string, string>) => run(options, effects));
	return program;
}

async function run(options: Record<string, string>, effects: ServerEffects): Promise<void> {
	const { clock, self, isRunning, print } = effects;
	const wanted = smdsOptions(options);
	const crls = crlsFromFiles(wanted.crlFiles);
	const pkis = pkisFromFolders(wanted.pkiFolders, wanted.curves);
	const credentials = pkis.map((pki) => serverCredentialsOf(pki, "SM-DS", crls));
	const logger = effects.logger(wanted.logLevel);
	const rootCas =
		wanted.rootCa === undefined
			? credentials.map(({ ci }) => certificateToPem(ci.der))
			: [readFileSync(wanted.rootCa, "utf8")];
	const client = wanted.root === undefined ? undefined : effects.httpClient(rootCas, wanted.hosts);
	const root = wanted.root !== undefined && client ? { address: wanted.root, post: postJsonOver(client) } : undefined;
	const { root: _address, ...others } = wanted;
	const listenOptions = { ...others, credentials, clock, log: logger("sim.smds.http"), self, isRunning };
	const running = await serveFaces(listenOptions, () =>
		createSmds({
			...others,
			credentials,
			clock,
			random: systemRandom,
			logger,
			...(root === undefined ? {} : { root }),
		}),
	);
	print(JSON.stringify({ listening: running.listening, address: wanted.addresses[0], pid: self.pid }));
	await effects.untilStopped();
	await running.stop();
	client?.close();
}
