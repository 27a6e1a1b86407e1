/** Downloads in all their forms, procedure by procedure (SGP.32 §3.2.3, SGP.22 §3.6). */

import type { DownloadSource } from "@iot-esim/eim/domain/download";
import { encode } from "@iot-esim/shared/asn1/schema";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { StateChangeCauseCode } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { IpaCapabilities } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { expect } from "vitest";
import { shows } from "../conformance/claim.ts";
import { procedure } from "../support/procedure.ts";
import { SMDP } from "../support/smdp-bench.ts";
import { TARGET } from "../support/whole-chain.ts";
import {
	type DownloadChain,
	type DownloadWhere,
	downloadChain,
	encodingBeside,
	expectInstalled,
	SMDS,
	withEvent,
} from "./download-forms.ts";

const OTHER = "8900101000000000034";
const PACKAGES = "eIM packages";
const besideEsipa = ({ binding, curve }: DownloadWhere) => ({ binding: encodingBeside(binding), curve });
const inEs9Plus = (where: DownloadWhere) =>
	({ ...besideEsipa(where), interface: "ES9+", sides: ["eIM", "SM-DP+"] }) as const;

procedure("3.2.3.2 Indirect Profile Download by SM-DS", async (where, context) => {
	// The eIM retrieves the event for the device and sends it on to the SM-DP+.
	const chain = await downloadChain(where);
	await withEvent(chain);
	const download = await chain.order({ contact: "smds", smdsAddress: SMDS });
	await chain.round();
	await expectInstalled(chain, download);
	where.shows({ interface: PACKAGES, functions: ["indirect download by SM-DS"] });
	const functions = ["InitiateAuthentication", "AuthenticateClient"];
	shows(context, { ...besideEsipa(where), interface: "ES11", sides: ["eIM", "SM-DS"], functions });
});

procedure("3.2.3.2 Indirect Profile Download from the default SM-DP+", async (where) => {
	const chain = await downloadChain(where);
	await chain.ipa.perform({ type: "set-default-smdp", address: SMDP });
	await chain.round();
	const device = await chain.eim.store.loadDevice(chain.eid);
	expect(device).toMatchObject({ defaultSmdpAddress: SMDP, lastStateChangeCause: StateChangeCauseCode.local });
	const own = await chain.eim.store.listOperations({ eid: chain.eid, origin: "eim", limit: 5 });
	expect(own.items.map(({ type, state }) => `${type} ${state}`).sort()).toEqual([
		"listProfiles succeeded",
		"readEuiccData succeeded",
	]);
	await chain.release({ eid: chain.eid, matchingId: "" });
	const download = await chain.order({ contact: "defaultSmdp" });
	await chain.round();
	await expectInstalled(chain, download);
	const functions = ["notifyStateChange", "IpaEuiccDataRequest", "indirect download from the default SM-DP+"];
	where.shows({ interface: PACKAGES, functions });
});

procedure("5.14.8 Cancel Session (SGP.22 section 3.0.2)", async (where, context) => {
	// The SM-DP+ offers another profile than was ordered: only the eUICC can sign why it is refused.
	const chain = await downloadChain(where);
	const refused = await chain.order({
		smdpAddress: SMDP,
		matchingId: await chain.release(),
		expected: { iccid: Iccid(OTHER) },
	});
	await chain.round();
	expect(await chain.eim.store.loadOperation(refused)).toMatchObject({
		state: "failed",
		reason: { code: "cancelSession: metadataMismatch(4)" },
	});
	expect(chain.smdp.profiles().find((one) => one.iccid === TARGET)?.state).toBe("error");
	shows(context, { ...inEs9Plus(where), functions: ["CancelSession"] });
	where.shows({ interface: "ESipa", functions: ["CancelSession"] });
});

procedure("3.2.3.2 Indirect Profile Download by activation code", async (where, context) => {
	// The device leaves the download data to the eIM, which makes ctxParams1 of the activation code.
	const chain = await downloadChain(where);
	const ipaCapabilities = encode(IpaCapabilities, { ipaFeatures: "0111" });
	await chain.eim.store.changeDevice(chain.eid, { ipaCapabilities });
	const matchingId = await chain.release({}, OTHER);
	const download = await chain.order({ activationCode: `1$${SMDP}$${matchingId}`, smdpAddress: SMDP, matchingId });
	await chain.round();
	await expectInstalled(chain, download, OTHER);
	where.shows({ interface: PACKAGES, functions: ["indirect download by activation code"] });
	const functions = ["InitiateAuthentication", "AuthenticateClient", "GetBoundProfilePackage", "HandleNotification"];
	shows(context, { ...inEs9Plus(where), functions });
});

const direct: readonly [string, (chain: DownloadChain) => Promise<DownloadSource>][] = [
	["by activation code", async (chain) => ({ smdpAddress: SMDP, matchingId: await chain.release() })],
	[
		"from the default SM-DP+",
		async (chain) => {
			await chain.ipa.perform({ type: "set-default-smdp", address: SMDP });
			await chain.release({ eid: chain.eid, matchingId: "" });
			return { contact: "defaultSmdp" };
		},
	],
	[
		"by SM-DS",
		async (chain) => {
			await withEvent(chain);
			return { contact: "smds", smdsAddress: SMDS };
		},
	],
];

for (const [form, prepare] of direct) {
	procedure(`3.2.3.1 Direct Profile Download ${form}`, async (where) => {
		const chain = await downloadChain(where, "direct");
		const download = await chain.order({ ...(await prepare(chain)), mode: "direct" });
		await chain.round();
		await expectInstalled(chain, download);
		where.shows({ interface: PACKAGES, functions: [`direct download ${form}`] });
	});
}
