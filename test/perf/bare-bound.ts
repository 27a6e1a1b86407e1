/**
 * The bound that `cycle` is measured against, as a process of its own: a Node https server that for each pair of POSTs
 * makes one P-256 signature and one verification and answers octets of the given sizes. No codec, no database.
 */

import { sign, verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";

interface BareBoundOptions {
	readonly key: string;
	readonly certificate: string;
	readonly packageOctets: number;
	readonly acknowledgementOctets: number;
	readonly signedOctets: number;
	readonly verifiedOctets: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as BareBoundOptions;
const { privateKey, publicKey } = generateKeyPair("P-256");
const toSign = Buffer.alloc(options.signedOctets, 1);
const toVerify = Buffer.alloc(options.verifiedOctets, 2);
const signature = sign("sha256", toVerify, { key: privateKey, dsaEncoding: "ieee-p1363" });
const answers = [Buffer.alloc(options.packageOctets, 3), Buffer.alloc(options.acknowledgementOctets, 4)] as const;

const server = createServer(
	{ key: readFileSync(options.key), cert: readFileSync(options.certificate), noDelay: true },
	(request, response) => {
		const chunks: Buffer[] = [];
		request.on("data", (chunk: Buffer) => chunks.push(chunk));
		request.on("end", () => {
			const isPoll = request.url === "/poll";
			Buffer.concat(chunks);
			if (isPoll) sign("sha256", toSign, { key: privateKey, dsaEncoding: "ieee-p1363" });
			else if (!verify("sha256", toVerify, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature)) process.exit(1);
			const body = isPoll ? answers[0] : answers[1];
			response.writeHead(200, { "content-type": "application/x-gsma-rsp-asn1", "content-length": body.length });
			response.end(body);
		});
	},
);
server.listen(0, "127.0.0.1", () => {
	console.log(JSON.stringify({ listening: (server.address() as AddressInfo).port }));
});
