import { readFileSync } from "node:fs";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { createHttpsListener, type HttpListener } from "@iot-esim/shared/transport/http/server";
import { parseHostPort, printHostPort } from "@iot-esim/shared/transport/tcp";
import { Seconds } from "@iot-esim/shared/util/duration";
import { fileTrouble } from "@iot-esim/shared/util/errors";
import type { Ipa } from "../agent.ts";
import type { IpaConfig } from "../config.ts";
import { isCertificateOf } from "../esipa/eim-certificate.ts";
import { createTransferFace, LARGEST_TRANSFER } from "../esipa/transfer-face.ts";
import { IpaCliError } from "./errors.ts";

/**
 * Listens for what eIMs bring; undefined when the configuration names no address for it.
 * @throws IpaCliError IPA_FILE_INVALID, TransportError TRANSPORT_LISTEN_FAILED
 */
export async function openInjectListener(
	config: IpaConfig,
	ipa: Pick<Ipa, "transferEimPackage">,
	{ clock, log, fallbackCa }: { readonly clock: Clock; readonly log: Logger; readonly fallbackCa: readonly string[] },
): Promise<HttpListener | undefined> {
	const { "inject.listen": address, "inject.certificate": certificate, "inject.key": key } = config;
	if (address === undefined) return undefined;
	if (certificate === undefined || key === undefined) {
		throw new IpaCliError("IPA_FILE_INVALID", "inject.listen needs inject.certificate and inject.key");
	}
	const face = createTransferFace({
		log,
		transfer: (message, shown) =>
			ipa.transferEimPackage(message, (eim) => isCertificateOf(eim, shown, { now: clock.now(), fallbackCa })),
	});
	const listener = createHttpsListener(face, {
		identity: { certificate: textOf("inject.certificate", certificate), key: textOf("inject.key", key) },
		asksForCertificate: true,
		maxBodyBytes: LARGEST_TRANSFER,
		// A device has few eIMs and little memory; anybody may reach this port.
		maxConnections: 32,
		keepAliveTimeout: Seconds(15),
		onError: (error) => log.error("request failed", { error }),
	});
	const listening = await listener.listen(parseHostPort(address, "inject.listen"));
	log.info("listening for packages of eIMs", { address: printHostPort(listening) });
	return listener;
}

function textOf(setting: string, file: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (cause) {
		throw new IpaCliError("IPA_FILE_INVALID", `${setting} ${file} cannot be read: ${fileTrouble(cause)}`, { cause });
	}
}
