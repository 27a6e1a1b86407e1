/** The device's own certificate for a link, in files that settings name. */

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { certificatesOfFile, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { ClientIdentity } from "@iot-esim/shared/transport/http/trust";
import { fileTrouble } from "@iot-esim/shared/util/errors";
import { IpaCliError } from "./errors.ts";

/** The files of `mqtt.certificate` and `mqtt.key`, or of `coap.certificate` and `coap.key`. */
export interface IdentityFiles {
	/** "mqtt" or "coap". */
	readonly link: string;
	/** Absent where the key stands for itself (RFC 7250). */
	readonly certificate?: string | undefined;
	readonly key: string;
}

/**
 * Which files are configured for a link, if any.
 * @throws IpaCliError IPA_FILE_INVALID when it is one of the two
 */
export function identityFiles(
	link: string,
	certificate: string | undefined,
	key: string | undefined,
): IdentityFiles | undefined {
	if (certificate === undefined && key === undefined) return undefined;
	if (certificate !== undefined && key !== undefined) return { link, certificate, key };
	throw invalid(`${link}.certificate and ${link}.key: only one of them is configured`);
}

/**
 * Certificate chain and private key of the files, which belong together.
 * @throws IpaCliError IPA_FILE_INVALID
 */
export function readIdentity({ link, certificate, key }: IdentityFiles): ClientIdentity {
	const privateKey = read(`${link}.key`, key, privateKeyIn);
	if (certificate === undefined) return { certificate: "", key: privateKeyToPem(privateKey) };
	const chain = read(`${link}.certificate`, certificate, certificatesOf);
	if (!chain[0]?.checkPrivateKey(privateKey)) {
		throw invalid(`${link}.key ${key} is not the private key of the first certificate in ${certificate}`);
	}
	return { certificate: chain.join(""), key: privateKeyToPem(privateKey) };
}

/** An identity whose files may be renewed while the agent runs: they are read again when they have changed. */
export class RenewedIdentity {
	readonly #files: IdentityFiles;
	readonly #log: Logger;
	#identity: ClientIdentity;
	#readAt: string;
	/** Why the files cannot be used, said once: what could not be read for a while is tried again at each session. */
	#trouble: string | undefined;

	/** @throws IpaCliError IPA_FILE_INVALID */
	constructor(files: IdentityFiles, log: Logger) {
		this.#files = files;
		this.#log = log;
		this.#readAt = versionOf(files);
		this.#identity = readIdentity(files);
	}

	/** The same object until the files have changed; while they cannot be used, the former one goes on. */
	current(): ClientIdentity {
		const version = versionOf(this.#files);
		if (version === this.#readAt) return this.#identity;
		try {
			this.#identity = readIdentity(this.#files);
			this.#readAt = version;
			this.#trouble = undefined;
			this.#log.info("the device's certificate and key are read again", { file: this.#files.key });
		} catch (error) {
			const trouble = String(error);
			if (trouble === this.#trouble) return this.#identity;
			this.#trouble = trouble;
			this.#log.error("the device's certificate and key cannot be read again, the former ones go on", { error });
		}
		return this.#identity;
	}
}

function versionOf({ certificate, key }: IdentityFiles): string {
	const files = certificate === undefined ? [key] : [certificate, key];
	const versions = files.map((file) => {
		try {
			const { mtimeMs, size, ino } = statSync(file);
			return `${mtimeMs} ${size} ${ino}`;
		} catch (cause) {
			return fileTrouble(cause);
		}
	});
	return versions.join();
}

/** As text they are PEM. */
function certificatesOf(contents: Uint8Array): X509Certificate[] {
	return certificatesOfFile(contents).map((der) => new X509Certificate(der));
}

function privateKeyIn(contents: Uint8Array): KeyObject {
	const text = new TextDecoder().decode(contents);
	if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(text)) {
		throw new Error("it is encrypted; nobody is there to give its password");
	}
	if (!text.includes("PRIVATE KEY-----")) throw new Error("it holds no private key (PEM)");
	return createPrivateKey(text);
}

function read<T>(setting: string, file: string, use: (contents: Uint8Array) => T): T {
	try {
		return use(readFileSync(file));
	} catch (cause) {
		throw invalid(`${setting} ${file} cannot be read: ${fileTrouble(cause)}`, cause);
	}
}

function invalid(message: string, cause?: unknown): IpaCliError {
	return new IpaCliError("IPA_FILE_INVALID", message, { cause });
}
