import { createHttpsListener } from "@iot-esim/shared/transport/http/server";
import { toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { describe, expect, it } from "vitest";
import { client, identity, listening, NAME, pkis, spki } from "./http-bench.ts";

const CURVES = ["P-256", "brainpoolP256r1"] as const;

describe.each(CURVES.flatMap((server) => CURVES.map((own) => [server, own] as const)))(
	"a listener with a key on %s that asks who its client is, on %s",
	(server, own) => {
		it("gets the certificate whose key the client has proven, or none", async () => {
			const listener = createHttpsListener(
				({ clientCertificate }) => ({ status: 200, body: clientCertificate ? toHex(clientCertificate) : "nobody" }),
				{ identity: identity(pkis[server].dpTls), asksForCertificate: true },
			);
			const port = await listening(listener);
			const tls = { kind: "pinned", spki: spki(pkis[server].dpTls) } as const;
			const hosts = { [NAME]: `127.0.0.1:${port}` };
			const request = { method: "POST", url: `https://${NAME}/`, body: utf8("x") } as const;
			const known = client({ tls, hosts, identity: identity(pkis[own].eimTls) });
			for (let i = 0; i < 2; i++) {
				const { body } = await known.request(request);
				expect(new TextDecoder().decode(body)).toBe(toHex(pkis[own].eimTls.certificate));
			}
			const { body } = await client({ tls, hosts }).request(request);
			expect(new TextDecoder().decode(body)).toBe("nobody");
		});
	},
);

describe("a client that shows a certificate", () => {
	it("must hold its key", () => {
		const { certificate } = identity(pkis["P-256"].eimTls);
		const { key } = identity(pkis["P-256"].dsTls);
		const tls = { kind: "pinned", spki: spki(pkis["P-256"].dpTls) } as const;
		expect(() => client({ tls, identity: { certificate, key } })).toThrow(/do not belong together/);
	});
});
