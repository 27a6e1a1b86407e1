/** A device with its eIM, and a second eIM that it may be handed over to. */

import { addInitialEimRequest, readEimConfiguration } from "@iot-esim/eim/esipa/eim-configuration";
import type { Curve } from "@iot-esim/shared/crypto/curve";
import { EimId } from "@iot-esim/shared/ids/eim-id";
import { onTestFinished } from "vitest";
import { newSigner } from "../support/eims.ts";
import { esipaBench } from "../support/esipa-bench.ts";
import type { Binding } from "../support/esipa-face-client.ts";
import { deviceChain } from "../support/whole-chain.ts";

const noHttp = { request: () => Promise.reject(new Error("no SM-DP+ in this test")) };
export const NEXT_ID = EimId("next.example.com");

/** A device that its first eIM has, let go of when the test is over. */
export async function handedChain(binding: Binding, curve: Curve) {
	const parts = await deviceChain({ http: noHttp, binding, curve });
	onTestFinished(parts.close);
	return parts;
}

/** A second eIM, and what it gives out for cards. */
export async function secondEim({ pki }: Awaited<ReturnType<typeof handedChain>>) {
	const signer = newSigner();
	const bench = await esipaBench({ pki, settings: { eimId: NEXT_ID }, signer });
	onTestFinished(bench.close);
	const given = readEimConfiguration(addInitialEimRequest({ eimId: NEXT_ID, eimFqdn: NEXT_ID }, signer));
	return { bench, given };
}
