import { toBase64 } from "@iot-esim/shared/util/bytes";
import { Type } from "@sinclair/typebox";
import qrcode from "qrcode-generator";
import type { ApiDeps } from "../api-deps.ts";
import type { ApiServer } from "../server.ts";
import { responses } from "./responses.ts";

/** The label of our PEM form; the standard has none. */
const PEM_LABEL = "EIM CONFIGURATION DATA";

export function eimConfigurationRoutes(server: ApiServer, { eimConfiguration }: ApiDeps): void {
	const Format = Type.Union(
		["json", "der", "pem", "qr", "qr-text"].map((format) => Type.Literal(format)),
		{ default: "json", expected: "one of json, der, pem, qr, qr-text" },
	);
	server.get(
		"/api/v1/eim-configuration",
		{
			schema: {
				operationId: "getEimConfiguration",
				summary: "What a card must be given to belong to this eIM (AddInitialEim)",
				description: "The QR code holds the DER in base64; `qr` is an SVG image, `qr-text` is for a terminal.",
				tags: ["eim"],
				produces: ["application/json", "application/octet-stream", "application/x-pem-file", "image/svg+xml"],
				querystring: Type.Object({ format: Type.Optional(Format) }, { additionalProperties: false }),
				response: responses({ 200: Type.Unknown({ description: "The configuration in the format asked for." }) }),
			},
		},
		async ({ query }, reply) => {
			const der = eimConfiguration.der();
			switch (query.format) {
				case "der":
					return reply
						.type("application/octet-stream")
						.header("content-disposition", 'attachment; filename="eim-configuration.der"')
						.send(Buffer.from(der));
				case "pem":
					return reply.type("application/x-pem-file").send(pemOf(der));
				case "qr":
					return reply.type("image/svg+xml").send(qrOf(der).createSvgTag({ cellSize: 4, margin: 16, scalable: true }));
				case "qr-text":
					return reply.type("text/plain; charset=utf-8").send(terminalOf(qrOf(der)));
				default:
					return { ...eimConfiguration.describe(), der: toBase64(der) };
			}
		},
	);
}

function pemOf(der: Uint8Array): string {
	const lines = toBase64(der).match(/.{1,64}/g) ?? [];
	return [`-----BEGIN ${PEM_LABEL}-----`, ...lines, `-----END ${PEM_LABEL}-----`, ""].join("\n");
}

function qrOf(der: Uint8Array): ReturnType<typeof qrcode> {
	const code = qrcode(0, "L");
	code.addData(toBase64(der));
	code.make();
	return code;
}

const QUIET_ZONE = 2;

/** Two rows of the code in one line of text, dark on light whatever the terminal's colours. */
function terminalOf(code: ReturnType<typeof qrcode>): string {
	const size = code.getModuleCount();
	const isDark = (row: number, column: number) =>
		row >= 0 && column >= 0 && row < size && column < size && code.isDark(row, column);
	const lines: string[] = [];
	for (let row = -QUIET_ZONE; row < size + QUIET_ZONE; row += 2) {
		let line = "";
		for (let column = -QUIET_ZONE; column < size + QUIET_ZONE; column++) {
			const [upper, lower] = [isDark(row, column), isDark(row + 1, column)];
			line += upper ? (lower ? " " : "▄") : lower ? "▀" : "█";
		}
		lines.push(line);
	}
	return `${lines.join("\n")}\n`;
}
