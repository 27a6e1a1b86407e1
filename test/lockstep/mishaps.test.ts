/**
 * What may go wrong between eIM, IPA and eUICC, seen at all three at once: real parts, and somebody in between who changes
 * one thing. Which tests show more of each is in `README.md` beside this file.
 */

import { createEsipaFace } from "@iot-esim/eim/bindings/esipa-face";
import type { EuiccCommand } from "@iot-esim/eim/domain/euicc-command";
import { readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { concatBytes, toHex } from "@iot-esim/shared/util/bytes";
import { Days } from "@iot-esim/shared/util/duration";
import { makeTestPki } from "@iot-esim/sim/pki/test-pki";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Curve } from "../conformance/claim.ts";
import { EIM_ID, esipaBench, poll } from "../support/esipa-bench.ts";
import { BINDINGS_AND_CURVES } from "../support/esipa-face-client.ts";
import { BOOTSTRAP, type ChainOptions, TARGET, wholeChain } from "../support/whole-chain.ts";
import { outsideItsRange, revocationOf } from "./bad-certificates.ts";

const bootstrap = Iccid(BOOTSTRAP);
const target = Iccid(TARGET);
const OTHER_EID = Eid.withCheckDigits("890490320000000000000000000007");
const START = Date.UTC(2026, 0, 1);

const enable: EuiccCommand = { type: "enable", parameters: { iccid: target, rollback: false } };
const list: EuiccCommand = { type: "listProfiles", parameters: {} };

type Exchange = (message: Uint8Array, forward: (message: Uint8Array) => Promise<Uint8Array>) => Promise<Uint8Array>;

/** The form and the curve of the tests that run. */
let where: Pick<ChainOptions, "binding"> & { readonly curve: Curve } = { curve: "P-256" };

async function start(options: ChainOptions = {}) {
	const chain = await wholeChain({ moreProfiles: [target], ...where, ...options });
	onTestFinished(chain.close);
	const { eim, eid, ipa, peers, device } = chain;
	const outcomes: string[] = [];
	ipa.events.on("package-executed", ({ outcome, results }) => outcomes.push([outcome, ...results].join(" ")));
	/** ICCID of the enabled profile, as the card says it. */
	const enabledOnCard = async () => {
		await device.restart();
		const all = await device.ask("BF2D055C039F705A");
		return /5A0A([0-9A-F]{20})9F700101/.exec(all)?.[1];
	};
	return {
		...chain,
		outcomes,
		/** Changes what the bindings hand to the eIM's functions and back, until it is taken back. */
		between: (change: Exchange | undefined) => {
			const handle = async (body: Uint8Array) => {
				const answer = await (change ?? unchanged)(body, async (one) => (await eim.send(one)) ?? new Uint8Array(0));
				return answer.length === 0 ? null : answer;
			};
			const log = eim.deps.logger("test.face");
			peers.set(EIM_ID, change === undefined ? eim.face : createEsipaFace({ handler: { handle }, log }));
		},
		order: (command: EuiccCommand) => eim.order(eid, command),
		/** A poll, whatever comes of it. */
		poll: () => ipa.pollOnce(),
		isEnabled: async (iccid: string) => (await enabledOnCard()) === toHex(Iccid.toBytes(Iccid(iccid))),
		/** EuiccPackageResults that the card still holds. */
		resultsOnCard: async () => {
			await device.restart();
			return ((await device.ask("BF2B04A0028200")).match(/BF51/g) ?? []).length;
		},
	};
}

type Chain = Awaited<ReturnType<typeof start>>;

const unchanged: Exchange = (message, forward) => forward(message);

const isTag = (message: Uint8Array, tag: number) => message[0] === tag >> 8 && message[1] === (tag & 0xff);
const POLL = 0xbf4f;
const RESULT = 0xbf50;
const GET_BPP = 0xbf3a;

const flippedAt = (octets: Uint8Array, at: number) => octets.with(at, (octets.at(at) ?? 0) ^ 1);

const longAgo = () => makeTestPki({ curve: where.curve, random: systemRandom, now: START - Days(365 * 36) });

describe.each(BINDINGS_AND_CURVES)("over %s on %s,", (binding, curve) => {
	beforeAll(() => {
		where = { binding, curve };
	});

	describe("a mishap with a package", () => {
		it("wrong eIM signature: the card signs nothing, the IPA hands that on, the eIM sends the same again and it is executed", async () => {
			const chain = await start();
			await chain.poll();
			const id = await chain.order(enable);
			chain.between(async (message, forward) => {
				const answer = await forward(message);
				return isTag(message, POLL) && answer.length > 100 ? flippedAt(answer, answer.length - 1) : answer;
			});
			await chain.poll();
			expect(chain.outcomes).toContain("unsigned-error");
			expect(await chain.eim.state(id)).toBe("sent");
			chain.between(undefined);
			await chain.poll();
			expect(await chain.eim.state(id)).toBe("succeeded");
			expect(await chain.isEnabled(TARGET)).toBe(true);
		});

		it("wrong EID: the card signs invalidEid(3), and neither device's operation ends by it", async () => {
			const chain = await start();
			const { eim } = chain;
			await chain.order(list);
			await chain.poll();
			await eim.register(OTHER_EID, { associationToken: 1 });
			const other = await eim.order(OTHER_EID, enable);
			const foreign = await eim.ask(poll(OTHER_EID));
			chain.outcomes.length = 0;
			let isGiven = false;
			chain.between(async (message, forward) => {
				if (!isTag(message, POLL) || isGiven) return forward(message);
				isGiven = true;
				await forward(message);
				return foreign;
			});
			await chain.poll();
			expect(chain.outcomes).toEqual(["signed-error euiccPackageErrorCode 3"]);
			expect(await eim.state(other)).toBe("sent");
			expect(await chain.isEnabled(BOOTSTRAP)).toBe(true);
		});

		it("replayed counter: the card signs replay(4) and executes nothing, the IPA and the eIM go on", async () => {
			const chain = await start();
			await chain.order(list);
			await chain.poll();
			const packages: Uint8Array[] = [];
			chain.between(async (message, forward) => {
				const answer = await forward(message);
				if (isTag(message, POLL) && toHex(answer).includes("BF51")) packages.push(answer);
				return answer;
			});
			await chain.order(enable);
			await chain.poll();
			await chain.order({ type: "enable", parameters: { iccid: bootstrap, rollback: false } });
			await chain.poll();
			const [recorded] = packages;
			if (recorded === undefined) throw new Error("no package was seen");
			let isGiven = false;
			chain.between(async (message, forward) => {
				if (!isTag(message, POLL) || isGiven) return forward(message);
				isGiven = true;
				return recorded;
			});
			chain.outcomes.length = 0;
			await chain.poll();
			expect(chain.outcomes[0]).toBe("signed-error euiccPackageErrorCode 4");
			chain.between(undefined);
			const id = await chain.order(list);
			await chain.poll();
			expect(await chain.eim.state(id)).toBe("succeeded");
			expect(await chain.profiles()).toEqual({ [bootstrap]: "enabled", [target]: "disabled" });
		});

		it("skipped counters: a higher counter is as good, and the ones left out are burnt", async () => {
			const chain = await start();
			const { eim, eid } = chain;
			const skipped = await chain.order(enable);
			await eim.ask(poll(eid));
			await eim.clock.advance(Days(1));
			const id = await chain.order(list);
			await chain.poll();
			expect(await eim.state(id)).toBe("succeeded");
			const counters = (await eim.store.listPackages(id)).map(({ counter }) => counter);
			const before = (await eim.store.listPackages(skipped)).map(({ counter }) => counter);
			expect(Math.min(...counters.map(Number))).toBeGreaterThan(Math.max(...before.map(Number)));
			expect(await chain.isEnabled(BOOTSTRAP)).toBe(true);
		});

		it("lost answer: the IPA gives the result again, the eIM takes it once, the card executed once and is cleaned", async () => {
			const chain = await start();
			await chain.order(list);
			await chain.poll();
			const id = await chain.order(enable);
			chain.outcomes.length = 0;
			let losses = 0;
			chain.between(async (message, forward) => {
				const answer = await forward(message);
				if (!isTag(message, RESULT) || losses > 0) return answer;
				losses++;
				throw new Error("the answer is lost");
			});
			await chain.poll();
			await chain.poll();
			expect(losses).toBe(1);
			expect(chain.outcomes).toEqual(["signed-result enableResult 0"]);
			expect(await chain.eim.state(id)).toBe("succeeded");
			expect(await chain.isEnabled(TARGET)).toBe(true);
			expect(await chain.resultsOnCard()).toBe(0);
		});

		it("duplicate result: the eIM acknowledges it again and records it once", async () => {
			const chain = await start();
			await chain.order(list);
			await chain.poll();
			const answers: string[] = [];
			chain.between(async (message, forward) => {
				if (!isTag(message, RESULT)) return forward(message);
				answers.push(toHex(await forward(message)));
				const again = await forward(message);
				answers.push(toHex(again));
				return again;
			});
			const id = await chain.order(enable);
			await chain.poll();
			expect(answers[1]).toBe(answers[0]);
			expect(answers[0]).toMatch(/BF53/);
			expect(await chain.eim.state(id)).toBe("succeeded");
			expect(chain.outcomes.filter((one) => one.includes("enableResult"))).toHaveLength(1);
			expect(await chain.resultsOnCard()).toBe(0);
		});

		it("result for an unknown transaction: an eIM that lost its database acknowledges nothing, and the right one gets it", async () => {
			const chain = await start();
			const { eim, eid } = chain;
			await chain.order(list);
			await chain.poll();
			const lost = await esipaBench({ pki: eim.pki, signer: eim.deps.signer });
			onTestFinished(lost.close);
			await lost.register(eid);
			const id = await chain.order(enable);
			const astray: string[] = [];
			chain.between(async (message, forward) => {
				if (!isTag(message, RESULT) || astray.length > 0) return forward(message);
				const answer = await lost.ask(message);
				astray.push(toHex(answer), `${await eim.state(id)}`);
				return answer;
			});
			chain.outcomes.length = 0;
			await chain.poll();
			expect(astray).toEqual(["BF50023000", "sent"]);
			expect(await chain.eim.state(id)).toBe("succeeded");
			expect(chain.outcomes.filter((one) => one.includes("enableResult"))).toHaveLength(1);
			expect(await chain.isEnabled(TARGET)).toBe(true);
		});

		it("card removed: the IPA says so, the eIM waits, and the package is executed once when the card is back", async () => {
			const chain = await start();
			await chain.order(list);
			await chain.poll();
			const id = await chain.order(enable);
			const { card } = chain.device;
			const { transmit } = card;
			let apdus = 0;
			card.transmit = (apdu) =>
				++apdus > 1 ? Promise.reject(new Error("the card was removed")) : transmit.call(card, apdu);
			await chain.poll().catch(() => undefined);
			expect(chain.events).toContain("card-lost");
			expect(await chain.eim.state(id)).toMatch(/^(queued|sent)$/);
			card.transmit = (apdu) => transmit.call(card, apdu);
			await chain.poll();
			await chain.poll();
			expect(await chain.eim.state(id)).toBe("succeeded");
			expect(await chain.isEnabled(TARGET)).toBe(true);
		});
	});

	describe("a mishap with certificates", () => {
		/** The eIM has got a signed result and believes nothing of it; the card still has it for better times. */
		async function expectNotBelieved(chain: Chain): Promise<void> {
			await chain.order(enable);
			await chain.poll();
			expect(chain.outcomes).toContain("signed-result enableResult 0");
			const { items } = await chain.eim.store.listOperations({ eid: chain.eid, origin: "operator", limit: 5 });
			expect(items).toMatchObject([{ state: "awaiting-verification" }]);
			expect(await chain.profiles()).toEqual({});
			expect(await chain.resultsOnCard()).toBeGreaterThan(0);
		}

		it("expired certificate: the result is kept unverified at the eIM and stays on the card", async () => {
			await expectNotBelieved(await start({ pki: longAgo() }));
		});

		it("revoked certificate: the result is kept unverified at the eIM and stays on the card", async () => {
			const chain = await start();
			const list = revocationOf(chain.pki);
			Object.assign(chain.eim.deps, { crls: () => [list] });
			await expectNotBelieved(chain);
		});

		it("EUM outside its EID range: the result is kept unverified at the eIM and stays on the card", async () => {
			await expectNotBelieved(await start({ pki: outsideItsRange(where.curve) }));
		});
	});

	describe("a mishap with a Bound Profile Package", () => {
		/** BF36 of the answer to GetBoundProfilePackage, changed on its way to the IPA. */
		async function download(change: (parts: readonly Uint8Array[]) => readonly Uint8Array[]) {
			const chain = await start({ moreProfiles: [] });
			const id = await chain.orderDownload();
			chain.between(async (message, forward) => {
				const answer = await forward(message);
				return isTag(message, GET_BPP) ? withBpp(answer, change) : answer;
			});
			await chain.poll();
			chain.between(undefined);
			return { chain, id };
		}

		async function expectNothingInstalled(chain: Chain, id: string, reason: string): Promise<void> {
			expect(chain.events).toContain("download-failed");
			const code = expect.stringContaining(`loadProfileElements(5), profileInstallation: ${reason}`);
			expect(await chain.eim.store.loadOperation(id)).toMatchObject({ state: "failed", reason: { code } });
			await chain.eim.jobs.runDue();
			expect(chain.smdp.notifications()).toMatchObject([{ event: "install", isVerified: true }]);
			expect(chain.smdp.profiles().find((one) => one.iccid === TARGET)?.state).toBe("error");
			await chain.device.restart();
			expect(await chain.device.ask("BF2D035C015A")).not.toContain(toHex(Iccid.toBytes(target)));
		}

		it("wrong MAC in the third block: the card signs why (5, 8), IPA, eIM and SM-DP+ learn it, nothing is installed", async () => {
			const { chain, id } = await download((parts) =>
				parts.map((part) => {
					// ConfigureISDP has the first block, StoreMetadata the second, the profile elements begin with the third.
					if (part[0] !== 0xa3) return part;
					const [first, ...others] = readTlvs(tlvValueOf(part)).map((block) => tlvBytes(tlvValueOf(part), block));
					if (first === undefined) throw new Error("no block in the package");
					return tlv(0xa3, flippedAt(first, first.length - 1), ...others);
				}),
			);
			await expectNothingInstalled(chain, id, "scp03tSecurityError(8)");
		});

		it("truncated BPP: the card signs that elements are missing (5, 12), all learn it, nothing is installed", async () => {
			const { chain, id } = await download((parts) =>
				parts.map((part) => {
					if (part[0] !== 0xa3) return part;
					const blocks = readTlvs(tlvValueOf(part)).map((block) => tlvBytes(tlvValueOf(part), block));
					return tlv(0xa3, ...blocks.slice(0, -1));
				}),
			);
			await expectNothingInstalled(chain, id, "installFailedDueToPEProcessingError(12)");
		});
	});
});

const tlvValueOf = (octets: Uint8Array) => octets.subarray(readWholeTlv(octets).valueStart);

/** The answer to GetBoundProfilePackage with another package in it: BF3A{A0{80?, BF36}}. */
function withBpp(answer: Uint8Array, change: (parts: readonly Uint8Array[]) => readonly Uint8Array[]): Uint8Array {
	const [ok] = readTlvs(tlvValueOf(answer));
	if (ok === undefined || ok.tag !== 0xa0) throw new Error("GetBoundProfilePackage was refused");
	const inside = tlvValueOf(answer).subarray(ok.valueStart, ok.end);
	const members = readTlvs(inside).map((member) => {
		const octets = tlvBytes(inside, member);
		if (member.tag !== 0xbf36) return octets;
		const contents = tlvValueOf(octets);
		return tlv(0xbf36, concatBytes(...change(readTlvs(contents).map((part) => tlvBytes(contents, part)))));
	});
	return tlv(GET_BPP, tlv(0xa0, ...members));
}
