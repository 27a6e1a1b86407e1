/** Keys and certificates that the eIM makes for itself at first start, and keeps in its data folder. */

import { createPublicKey, X509Certificate } from "node:crypto";
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import path from "node:path";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { issueTlsCa, issueTlsServer } from "@iot-esim/shared/pki/issue-roles";
import { certificatesOfFile, certificateToPem, privateKeyOf, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import type { RandomSource } from "@iot-esim/shared/runtime/random";
import type { ServerIdentity } from "@iot-esim/shared/transport/http/server";
import { Days } from "@iot-esim/shared/util/duration";
import { fileTrouble } from "@iot-esim/shared/util/errors";
import { EimError } from "./errors.ts";

/** A card keeps the CA for its whole life; the server's own certificate is renewed long before. */
const CA_LIFETIME = Days(365 * 30);
const SERVER_LIFETIME = Days(365 * 2);
const RENEWED_BEFORE_END = Days(60);
/** Devices' clocks may be behind. */
const BACKDATED = Days(1);

interface Making {
	readonly folder: string;
	readonly curve: Curve;
	readonly random: RandomSource;
	readonly now: number;
}

/** Path of the signing key in the data folder; made when it is not there. */
export function ownSigningKey({ folder, curve }: Making): string {
	const file = path.join(folder, "signing-key.pem");
	if (!existsSync(file)) writeDurably(file, privateKeyToPem(generateKeyPair(curve).privateKey));
	return file;
}

/** Our TLS server for devices, under a CA of our own that cards can be told. Issued again when it ends soon. */
export function ownTlsIdentity(
	making: Making & { readonly host: string },
): ServerIdentity & { readonly ca: Uint8Array } {
	const { folder, curve, random, now, host } = making;
	const files = {
		caKey: path.join(folder, "tls-ca-key.pem"),
		ca: path.join(folder, "tls-ca.pem"),
		key: path.join(folder, "tls-key.pem"),
		certificate: path.join(folder, "tls-certificate.pem"),
	};
	if (!existsSync(files.ca)) {
		const keyPair = generateKeyPair(curve);
		const validity = { notBefore: now - BACKDATED, notAfter: now + CA_LIFETIME };
		const subject = { commonName: "eIM TLS CA", organization: host };
		const ca = issueTlsCa({ keyPair, subject, random, validity });
		// The certificate last: as long as it is not there, the key is nothing yet.
		writeDurably(files.caKey, privateKeyToPem(keyPair.privateKey));
		writeDurably(files.ca, certificateToPem(ca));
	}
	const caText = readText(files.ca);
	if (!existsSync(files.certificate) || isOver(readText(files.certificate), host, now)) {
		const { privateKey } = existsSync(files.key)
			? { privateKey: privateKeyOf(readText(files.key)) }
			: generateKeyPair(curve);
		const caCertificate = parseCertificate(new Uint8Array(new X509Certificate(caText).raw));
		const certificate = issueTlsServer({
			issuer: { certificate: caCertificate, privateKey: privateKeyOf(readText(files.caKey)) },
			publicKey: createPublicKey(privateKey),
			hosts: [host],
			random,
			validity: { notBefore: now - BACKDATED, notAfter: now + SERVER_LIFETIME },
		});
		writeDurably(files.key, privateKeyToPem(privateKey));
		writeDurably(files.certificate, certificateToPem(certificate));
	}
	return {
		key: readText(files.key),
		certificate: `${readText(files.certificate)}${caText}`,
		ca: new Uint8Array(new X509Certificate(caText).raw),
	};
}

/** The identity in files that the operator gave; the CA is the last certificate of the chain. */
export function givenTlsIdentity(
	keyFile: string,
	certificateFile: string,
): ServerIdentity & { readonly ca: Uint8Array } {
	const certificate = readText(certificateFile);
	const chain = certificatesOfFile(new TextEncoder().encode(certificate));
	const ca = chain.at(-1);
	if (!ca) throw new EimError("EIM_FILE_UNREADABLE", `${certificateFile} holds no certificate`);
	return { key: readText(keyFile), certificate: chain.map(certificateToPem).join(""), ca };
}

export function makeFolder(folder: string): void {
	try {
		mkdirSync(folder, { recursive: true, mode: 0o700 });
	} catch (cause) {
		throw new EimError("EIM_FILE_UNREADABLE", `the folder ${folder} cannot be made: ${fileTrouble(cause)}`, { cause });
	}
}

function isOver(pem: string, host: string, now: number): boolean {
	const certificate = new X509Certificate(pem);
	return Date.parse(certificate.validTo) - now < RENEWED_BEFORE_END || certificate.checkHost(host) === undefined;
}

function readText(file: string): string {
	try {
		return readFileSync(file, "utf8");
	} catch (cause) {
		throw new EimError("EIM_FILE_UNREADABLE", `${file} cannot be read: ${fileTrouble(cause)}`, { cause });
	}
}

/** All or nothing, also when the power goes: a key that a card has been told must never be half there. */
function writeDurably(file: string, text: string): void {
	try {
		const temporary = `${file}.new`;
		const handle = openSync(temporary, "w", 0o600);
		writeSync(handle, text);
		fsyncSync(handle);
		closeSync(handle);
		renameSync(temporary, file);
		const folder = openSync(path.dirname(file), "r");
		fsyncSync(folder);
		closeSync(folder);
	} catch (cause) {
		throw new EimError("EIM_FILE_UNREADABLE", `${file} cannot be written: ${fileTrouble(cause)}`, { cause });
	}
}
