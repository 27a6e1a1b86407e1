import { describe, expect, it } from "vitest";
import { createHostPolicy } from "./host-policy.ts";

const hosts = { "smdp.example.com": "127.0.0.1:8444", "smds.example.com:8445": "smds:8445" };
const refusal = { code: "ES9PLUS_HOST_REFUSED" };

describe("the policy of hosts that are contacted", () => {
	it.each([
		"127.0.0.1",
		"10.1.2.3",
		"169.254.169.254",
		"192.168.0.9",
		"100.64.1.1",
		"0.0.0.0",
		"localhost",
		"LOCALHOST",
	])("refuses %s in the place of a name", (host) => {
		expect(() => createHostPolicy({ allowed: [], hosts }).checkName(host)).toThrow(expect.objectContaining(refusal));
	});

	it.each(["127.0.0.1", "172.16.0.1", "::1", "fd00::1", "fe80::1", "::ffff:10.0.0.1"])(
		"refuses a public name that leads to %s",
		(address) => {
			const policy = createHostPolicy({ allowed: [], hosts });
			policy.checkName("smdp.operator.example");
			expect(() => policy.checkResolved("smdp.operator.example", address)).toThrow(expect.objectContaining(refusal));
		},
	);

	it("lets public names through to public addresses, and what the configuration names to any", () => {
		const policy = createHostPolicy({ allowed: [], hosts });
		policy.checkName("smdp.operator.example");
		policy.checkResolved("smdp.operator.example", "203.0.113.7");
		policy.checkResolved("smdp.operator.example", "2001:db8::7");
		policy.checkName("smdp.example.com");
		policy.checkResolved("127.0.0.1", "127.0.0.1");
		policy.checkResolved("smds", "172.18.0.4");
	});

	it("lets through only what the list names, when there is one", () => {
		const policy = createHostPolicy({ allowed: ["smdp.operator.example", "*.inner.example"], hosts });
		policy.checkName("SMDP.operator.example");
		policy.checkName("a.inner.example");
		policy.checkResolved("a.inner.example", "10.0.0.1");
		policy.checkName("smdp.example.com");
		for (const host of ["other.example", "inner.example", "ainner.example"]) {
			expect(() => policy.checkName(host)).toThrow("es9plus.allowedHosts does not name it");
		}
	});
});
