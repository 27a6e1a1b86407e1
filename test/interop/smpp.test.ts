/**
 * SMPP with programs of others: Net::SMPP (Perl) as the SMSC of the eIM's link, and Kannel, an SMS gateway, that sends
 * messages through the simulated SMSC and takes its delivery receipts.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { WakeUp, WakeUpChange } from "@iot-esim/eim/domain/wake-up";
import { SmppLink } from "@iot-esim/eim/wake/smpp-link";
import { receiptTaker, smsWaker } from "@iot-esim/eim/wake/sms-waker";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { connectTcp, listenTcp } from "@iot-esim/shared/transport/tcp";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { type ShortMessage, Smsc } from "@iot-esim/sim/network/smsc/smsc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../../examples/demo/free-ports.ts";
import { eidOf } from "../contract/store-samples.ts";
import { requireExternal } from "../support/externals.ts";

const host = "127.0.0.1";
const wait = { timeout: 15_000 };
let folder: string;
let children: ChildProcess[];
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "smpp-"));
	children = [];
});
afterEach(async () => {
	for (const child of children.reverse()) {
		const ended = new Promise((resolve) => child.once("exit", resolve));
		if (child.exitCode === null && child.signalCode === null && child.kill("SIGKILL")) await ended;
	}
	rmSync(folder, { recursive: true, force: true });
});

/** Starts a program; the answer gives what it has printed so far. */
function run(program: string, ...words: readonly string[]): () => string {
	const child = spawn(program, words, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
	let text = "";
	for (const stream of [child.stdout, child.stderr]) {
		stream.on("data", (octets: Buffer) => {
			text += octets.toString("latin1");
		});
	}
	children.push(child);
	return () => text;
}

/** An SMSC of a few lines on Net::SMPP: prints what it reads, throttles the second message, asks for a sign of life. */
const PERL_SMSC = String.raw`
use strict; use Net::SMPP; $| = 1;
my $listen = Net::SMPP->new_listen('127.0.0.1', port => $ARGV[0]) or die "listen: $!";
print "listening\n";
my $link = $listen->accept or die "accept: $!";
my $messages = 0;
while (my $pdu = $link->read_pdu) {
	my $seq = $pdu->{seq};
	if ($pdu->{cmd} == Net::SMPP::CMD_bind_transceiver) {
		print "bind $pdu->{system_id} $pdu->{password} $pdu->{system_type}\n";
		$link->bind_transceiver_resp(system_id => 'perl', seq => $seq);
	} elsif ($pdu->{cmd} == Net::SMPP::CMD_submit_sm) {
		if (++$messages == 2) { $link->submit_sm_resp(message_id => '', status => 0x58, seq => $seq); next; }
		print join(' ', 'submit', map({ "$_=$pdu->{$_}" } qw(source_addr source_addr_ton destination_addr dest_addr_ton
			dest_addr_npi esm_class data_coding registered_delivery replace_if_present_flag validity_period)),
			unpack('H*', $pdu->{short_message})), "\n";
		my $id = sprintf('%X', 0xAB0 + $messages);
		$link->submit_sm_resp(message_id => $id, seq => $seq);
		# As some SMSCs do: the receipt names in decimal digits what the answer named in hex.
		my $text = sprintf('id:%d sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:', 0xAB0 + $messages);
		$link->deliver_sm(async => 1, source_addr => $pdu->{destination_addr}, destination_addr => $pdu->{source_addr}, esm_class => 4,
			short_message => $text);
	} elsif ($pdu->{cmd} == Net::SMPP::CMD_enquire_link) {
		print "enquire_link\n"; $link->enquire_link_resp(seq => $seq);
	} elsif ($pdu->{cmd} == Net::SMPP::CMD_unbind) {
		print "unbind\n"; $link->unbind_resp(seq => $seq); last;
	} elsif ($pdu->{cmd} == Net::SMPP::CMD_deliver_sm_resp) { print "deliver_sm_resp $pdu->{status}\n"; }
}
`;

const netSmpp = await requireExternal("Net::SMPP (apt-get install libnet-smpp-perl)", () =>
	spawnSync("perl", ["-MNet::SMPP", "-e", "1"]).status === 0 ? true : undefined,
);

describe.skipIf(netSmpp === undefined)("Net::SMPP as the SMSC", () => {
	it("takes our messages, their port and their octets, throttles, and its receipts find their messages", async () => {
		const port = await freePort();
		const printed = run("perl", "-e", PERL_SMSC, String(port));
		await expect.poll(printed, wait).toContain("listening");
		const { logger } = memoryLogger();
		const receipts: [readonly string[], WakeUpChange][] = [];
		const noteWakeUpReceipt = async (_via: string, ids: readonly string[], change: WakeUpChange) => {
			receipts.push([ids, change]);
			return ids.includes("AB1") || ids.includes("AB3") ? ({} as WakeUp) : undefined;
		};
		const link = new SmppLink({
			name: "smpp://smsc.example.com:2775",
			settings: {
				systemId: "eim",
				password: "secret",
				systemType: "VMA",
				window: 5,
				perSecond: 100,
				enquireEvery: Seconds(1),
				answerWithin: Seconds(10),
			},
			open: (signal) => connectTcp({ host, port }, signal),
			clock: systemClock,
			log: logger("eim.wake"),
			onDelivered: receiptTaker({ noteWakeUpReceipt }, systemClock, logger("eim.wake")),
		});
		link.start();
		const waker = smsWaker({ smsc: link, source: "eIM", payload: "706F6C6C" });
		const trigger = { id: "wu_1", eid: eidOf(1), waiting: 1, at: 0, until: 3_600_000 };
		const address = { via: "sms", msisdn: "491701234567" } as const;
		expect(await waker.wake({ ...address, port: 5683 }, trigger)).toEqual({ reference: "AB1" });
		expect(await waker.wake(address, trigger)).toEqual({ reference: "AB3" });
		await expect.poll(() => receipts.length, wait).toBe(4);
		await expect.poll(printed, wait).toContain("enquire_link");
		await link.stop();
		await expect.poll(printed, wait).toContain("unbind");
		const facts =
			"source_addr=eIM source_addr_ton=5 destination_addr=491701234567 dest_addr_ton=1 dest_addr_npi=1 " +
			"esm_class=ESM data_coding=4 registered_delivery=1 replace_if_present_flag=1 validity_period=000000010000000R";
		expect(printed().split("\n")).toEqual(
			expect.arrayContaining([
				"bind eim secret VMA",
				`submit ${facts.replace("ESM", "64")} 06050416331633706f6c6c`,
				`submit ${facts.replace("ESM", "0")} 706f6c6c`,
				"deliver_sm_resp 0",
			]),
		);
		expect(receipts.map(([ids]) => ids)).toEqual([
			["2737"],
			expect.arrayContaining(["AB1"]),
			["2739"],
			expect.arrayContaining(["AB3"]),
		]);
	}, 40_000);
});

const [BEARERBOX, SMSBOX] = ["/usr/sbin/bearerbox", "/usr/sbin/smsbox"];
const kannel = await requireExternal("Kannel (apt-get install kannel)", () =>
	existsSync(BEARERBOX) && existsSync(SMSBOX) ? true : undefined,
);

describe.skipIf(kannel === undefined)("Kannel on the simulated SMSC", () => {
	it("binds, sends octets to a port of a device, and hears when the device has them", async () => {
		const received: ShortMessage[] = [];
		let isInReach = false;
		const receive = (message: ShortMessage) => {
			if (isInReach) received.push(message);
			return isInReach;
		};
		const { logger } = memoryLogger();
		const smsc = new Smsc({
			clock: systemClock,
			log: logger("sim.smsc"),
			accounts: { foo: "bar" },
			subscriber: (msisdn) => (msisdn === "491701234567" ? { receive } : undefined),
		});
		const listener = await listenTcp({ host, port: 0 }, (socket) => smsc.accept(socket));
		const told: string[] = [];
		const receipts = createServer((request, response) => {
			told.push(request.url ?? "");
			response.end();
		});
		await new Promise<void>((resolve) => receipts.listen(0, host, resolve));
		const [admin, smsbox, send] = [await freePort(), await freePort(), await freePort()];
		writeFileSync(path.join(folder, "kannel.conf"), kannelConf({ admin, smsbox, send, smsc: listener.address.port }));
		run(BEARERBOX, "-v", "1", "kannel.conf");
		const answers = async (port: number, words: string) =>
			fetch(`http://${host}:${port}/${words}`).then(
				(answer) => answer.text(),
				() => "",
			);
		await expect.poll(() => answers(admin, "status.txt"), wait).toMatch(/SMPP:127.0.0.1.*online/);
		run(SMSBOX, "-v", "1", "kannel.conf");
		const { port } = receipts.address() as AddressInfo;
		const dlr = encodeURIComponent(`http://${host}:${port}/receipt?type=%d`);
		const message = "to=%2B491701234567&from=12345&coding=1&udh=%06%05%04%16%33%16%33&text=poll&validity=60";
		const order = `cgi-bin/sendsms?username=me&password=me&${message}&dlr-mask=3&dlr-url=${dlr}`;
		await expect.poll(() => answers(send, order), wait).toMatch(/Accepted|Queued/);
		await expect.poll(() => smsc.waiting, wait).toBe(1);
		isInReach = true;
		await expect.poll(() => told, wait).toContain("/receipt?type=1");
		expect(received).toEqual([{ from: "12345", port: 0x1633, octets: utf8("poll") }]);
		receipts.close();
		smsc.stop();
		await listener.close();
	}, 60_000);
});

function kannelConf({ admin, smsbox, send, smsc }: Readonly<Record<"admin" | "smsbox" | "send" | "smsc", number>>) {
	return `
group = core
admin-port = ${admin}
admin-password = bar
smsbox-port = ${smsbox}
box-allow-ip = "127.0.0.1"
dlr-storage = internal

group = smsc
smsc = smpp
smsc-id = sim
host = 127.0.0.1
port = ${smsc}
transceiver-mode = true
interface-version = 34
system-type = ""
smsc-username = "foo"
smsc-password = "bar"
source-addr-ton = 0
source-addr-npi = 1
dest-addr-ton = 1
dest-addr-npi = 1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = ${send}

group = sendsms-user
username = me
password = me
`;
}
