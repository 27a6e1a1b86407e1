import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { toBase64 } from "@iot-esim/shared/util/bytes";
import { IpaCliError } from "./errors.ts";

const CERTIFICATE_FILE = /\.(pem|crt|cer|der)$/i;
const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const SEQUENCE = 0x30;

/**
 * The certificates of a file, or of the files .pem .crt .cer .der of a folder, as PEM.
 * @param setting for the message
 * @throws IpaCliError IPA_FILE_INVALID when it cannot be read or holds none
 */
export function trustedCertificates(setting: string, place: string | undefined): readonly string[] {
	if (place === undefined) return [];
	try {
		const certificates = filesIn(place).flatMap((file) => certificatesIn(readFileSync(file)));
		if (certificates.length > 0) return certificates;
	} catch (cause) {
		throw new IpaCliError("IPA_FILE_INVALID", `${setting} ${place} cannot be read`, { cause });
	}
	throw new IpaCliError("IPA_FILE_INVALID", `${setting} ${place} holds no certificate`);
}

function filesIn(place: string): readonly string[] {
	if (!statSync(place).isDirectory()) return [place];
	const names = readdirSync(place).filter((name) => CERTIFICATE_FILE.test(name));
	return names.sort().map((name) => path.join(place, name));
}

function certificatesIn(contents: Uint8Array): readonly string[] {
	if (contents[0] !== SEQUENCE) return new TextDecoder().decode(contents).match(PEM) ?? [];
	const lines = toBase64(contents).match(/.{1,64}/g) ?? [];
	return [`-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----`];
}
