import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { issueCertificate } from "@iot-esim/shared/pki/issue";
import { issueTlsCa, issueTlsServer } from "@iot-esim/shared/pki/issue-roles";
import { oid } from "@iot-esim/shared/pki/oids";
import { certificateToPem, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { Days } from "@iot-esim/shared/util/duration";

const now = Date.now();
const validity = { notBefore: now - Days(1), notAfter: now + Days(1) };
const random = systemRandom;

/** A CA for TLS with a broker under `host`, and certificates of clients by their common names. */
export function brokerPki(host: string) {
	const caKeys = generateKeyPair("P-256");
	const ca = issueTlsCa({ keyPair: caKeys, subject: { commonName: "Test CA" }, random, validity });
	const issuer = { certificate: ca, privateKey: caKeys.privateKey };
	const serverKeys = generateKeyPair("P-256");
	const server = issueTlsServer({ issuer, publicKey: serverKeys.publicKey, hosts: [host], random, validity });
	return {
		ca,
		caPem: certificateToPem(ca),
		server: {
			ca: certificateToPem(ca),
			certificate: certificateToPem(server),
			key: privateKeyToPem(serverKeys.privateKey),
		},
		serverSpki: new Uint8Array(serverKeys.publicKey.export({ format: "der", type: "spki" })),
		client(commonName: string) {
			const keys = generateKeyPair("P-256");
			const profile = {
				subject: { commonName },
				validity,
				keyUsage: ["digitalSignature"] as const,
				extendedKeyUsage: [oid.clientAuth],
			};
			const certificate = issueCertificate({ profile, publicKey: keys.publicKey, issuer, random });
			return { certificate: certificateToPem(certificate), key: privateKeyToPem(keys.privateKey) };
		},
	};
}
