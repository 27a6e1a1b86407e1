/** Every procedure once more over each transport that is not HTTPS, on both curves. */

import { overTransports } from "../support/procedure.ts";

overTransports(
	["coap", "P-256"],
	["coap", "brainpoolP256r1"],
	["coaps+tcp", "P-256"],
	["coaps+tcp", "brainpoolP256r1"],
	["mqtt", "P-256"],
	["mqtt", "brainpoolP256r1"],
	["lwm2m", "P-256"],
	["lwm2m", "brainpoolP256r1"],
);
await import("./sgp32-device.test.ts");
await import("./sgp32-packages.test.ts");
await import("./sgp32-downloads.test.ts");
await import("./sgp32-hand-over.test.ts");
