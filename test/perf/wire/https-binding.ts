import type { Eim } from "@iot-esim/eim/app";
import { LARGEST_ESIPA_BODY } from "@iot-esim/eim/bindings/esipa-face";
import { httpAsn1Link, httpJsonLink } from "@iot-esim/ipa/index";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { createHttpsListener } from "@iot-esim/shared/transport/http/server";
import { Seconds } from "@iot-esim/shared/util/duration";
import type { StartedBinding, WireBinding } from "./binding.ts";
import { EIM_NAME } from "./scene.ts";

const LINKS = { asn1: httpAsn1Link, json: httpJsonLink } as const;

/** ESipa over HTTPS, as SGP.32 section 6.1 has it. */
export function httpsBinding(form: keyof typeof LINKS): WireBinding {
	const link: StartedBinding["link"] = (relayPort) => (target) =>
		LINKS[form](target, {
			clock: systemClock,
			timeout: Seconds(30),
			hosts: { [EIM_NAME]: `127.0.0.1:${relayPort}` },
		});
	return { name: `https ${form}`, carrier: "tcp", start: () => ({ listen, link }) };
}

async function listen(eim: Eim) {
	const listener = createHttpsListener(eim.esipaHttp, { identity: eim.tlsIdentity, maxBodyBytes: LARGEST_ESIPA_BODY });
	const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
	return { port, close: () => listener.close() };
}
