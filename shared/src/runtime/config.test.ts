import { describe, expect, expectTypeOf, test } from "vitest";
import { type Duration, Minutes, Seconds } from "../util/duration.ts";
import { type Config, defineConfig, readConfig, type Secret, setting } from "./config.ts";
import { configReference, configTemplate } from "./config-template.ts";
import { parseDuration, printDuration } from "./duration-text.ts";

const schema = defineConfig(
	{
		"esipa.port": setting.integer({
			default: 8443,
			min: 0,
			max: 65535,
			unit: "TCP port",
			description: "Port of ESipa.",
		}),
		"esipa.idleTimeout": setting.duration({ default: Seconds(15), min: Seconds(1), description: "Idle connections." }),
		"log.level": setting.choice({ values: ["debug", "info"], default: "info", description: "Lowest level shown." }),
		"esipa.http2": setting.boolean({ default: true, description: "Offer HTTP/2." }),
		"database.url": setting.secret({ optional: true, description: "Where the database is." }),
		dataFolder: setting.path({ default: "data", description: "Where state is kept." }),
		hosts: setting.map({ default: {}, description: "Names to addresses." }),
		proxies: setting.strings({ default: [], description: "Trusted proxies." }),
		eimId: setting.string({
			pattern: /^.{1,128}$/,
			form: "1 to 128 characters",
			description: "Identity.",
			example: "eim1",
		}),
		devices: setting.list({
			default: [],
			description: "Devices.",
			fields: {
				name: setting.string({ description: "Name." }),
				port: setting.integer({ default: 0, min: 0, max: 65535, description: "Port." }),
				hours: setting.list({
					default: [],
					description: "H.",
					fields: { from: setting.duration({ description: "F." }) },
				}),
			},
		}),
	},
	{ prefix: "EIM" },
);
const yaml = (text: string) => ({ text, name: "eim.yaml", folder: "/etc/eim" });

describe("configuration", () => {
	test("types follow from the schema", () => {
		const config = readConfig(schema, { flags: ["--eim-id", "a"] });
		expectTypeOf(config["esipa.port"]).toEqualTypeOf<number>();
		expectTypeOf(config["esipa.idleTimeout"]).toEqualTypeOf<Duration>();
		expectTypeOf(config["log.level"]).toEqualTypeOf<"debug" | "info">();
		expectTypeOf(config["database.url"]).toEqualTypeOf<Secret | undefined>();
		expectTypeOf<Config<typeof schema>["dataFolder"]>().toEqualTypeOf<string>();
		expectTypeOf<(typeof config.devices)[number]["name"]>().toEqualTypeOf<string>();
		expect(Object.isFrozen(config)).toBe(true);
		expect(config["database.url"]).toBeUndefined();
	});

	test("flags win over the environment, the environment over the file, the file over the default", () => {
		const config = readConfig(schema, {
			yaml: yaml("eimId: file\nesipa:\n  port: 1\n  idleTimeout: 2min\nlog.level: debug\n"),
			environment: { EIM_ESIPA_PORT: "2", EIM_EIM_ID: "env", EIM_LOG_LEVEL: "" },
			flags: ["--esipa-port=3"],
		});
		expect(config["esipa.port"]).toBe(3);
		expect(config.eimId).toBe("env");
		expect(config["esipa.idleTimeout"]).toBe(Minutes(2));
		expect(config["log.level"]).toBe("debug");
	});

	test("reads lists, maps, switches and structures from every source", () => {
		const config = readConfig(schema, {
			yaml: yaml("eimId: a\ndevices:\n  - name: d1\n    hours: [{ from: 8h }]\n"),
			environment: { EIM_HOSTS: "dp.example=127.0.0.1:8443, b=c:1" },
			flags: ["--proxies", "a", "--proxies", "b,c", "--no-esipa-http2", "--database-url", "postgres://x"],
			workingFolder: "/work",
		});
		expect(config.hosts).toEqual({ "dp.example": "127.0.0.1:8443", b: "c:1" });
		expect(config.proxies).toEqual(["a", "b", "c"]);
		expect(config["esipa.http2"]).toBe(false);
		expect(config.devices).toEqual([{ name: "d1", port: 0, hours: [{ from: 28_800_000 }] }]);
		expect(config["database.url"]?.reveal()).toBe("postgres://x");
		expect(JSON.stringify(config)).not.toContain("postgres");
	});

	test("digits in YAML stay as written, though YAML would read them as numbers", () => {
		const text = "eimId: 00101\nproxies: [8988219000000000017, 26201]\nesipa: { port: 0443 }\n";
		const config = readConfig(schema, { yaml: yaml(text) });
		expect(config.eimId).toBe("00101");
		expect(config.proxies).toEqual(["8988219000000000017", "26201"]);
		expect(config["esipa.port"]).toBe(443);
	});

	test("a relative path starts at the folder of the file, on the command line at the working folder", () => {
		expect(readConfig(schema, { yaml: yaml("eimId: a\ndataFolder: state") }).dataFolder).toBe("/etc/eim/state");
		const flags = ["--eim-id", "a", "--data-folder", "state"];
		expect(readConfig(schema, { flags, workingFolder: "/work" }).dataFolder).toBe("/work/state");
	});

	test.each([
		[
			"eimId: a\nesipa: { port: 70000 }",
			"esipa.port (eim.yaml): 70000 is outside 0 to 65535 [integer, 0 to 65535 TCP port]",
		],
		["eimId: a\nesipa: { port: 80.5 }", "esipa.port (eim.yaml): 80.5 is not a whole number"],
		["eimId: a\nesipa: { idleTimeout: 15 }", "esipa.idleTimeout (eim.yaml): 15 is not a duration with its unit"],
		["eimId: a\nesipa: { idleTimeout: 100ms }", "esipa.idleTimeout (eim.yaml): 100ms is outside at least 1s"],
		["eimId: a\nlog: { level: loud }", 'log.level (eim.yaml): "loud" is none of debug, info'],
		[
			"eimId: a\nesipa: { prot: 1 }",
			"esipa.prot (eim.yaml) is not a setting of this program; did you mean esipa.port?",
		],
		["eimId: a\ndevices: [{ name: x, port: -1 }]", "devices[0].port (eim.yaml): -1 is outside"],
		["eimId: a\ndevices: [{ nam: x }]", "devices[0].nam (eim.yaml): is unknown; did you mean name?"],
		["esipa: {}", 'eimId has no value: set "eimId" in the YAML file, EIM_EIM_ID or --eim-id'],
		["eimId: [", "eim.yaml: "],
	])("refuses %j with key, source and bounds", (text, message) => {
		expect(() => readConfig(schema, { yaml: yaml(text) })).toThrow(message);
	});

	test("refuses a mistyped flag and variable, but leaves variables of others alone", () => {
		expect(() => readConfig(schema, { flags: ["--esipa-prt", "1"] })).toThrow("did you mean --esipa-port?");
		expect(() => readConfig(schema, { environment: { EIM_ESIPA_PORTS: "1" } })).toThrow("did you mean EIM_ESIPA_PORT?");
		expect(() => readConfig(schema, { flags: ["--esipa-port"] })).toThrow("--esipa-port needs a value");
		const environment = { EIM_EIM_ID: "a", EIM_SERVICE_8000_TCP_ADDR: "10.0.0.1", PATH: "/bin" };
		expect(readConfig(schema, { environment }).eimId).toBe("a");
	});

	test("the template reads back as the defaults and names every setting", () => {
		const text = configTemplate(schema);
		const fromTemplate = readConfig(schema, { yaml: yaml(text), flags: ["--eim-id", "a"], workingFolder: "/etc/eim" });
		expect(JSON.stringify(fromTemplate)).toBe(
			JSON.stringify(readConfig(schema, { flags: ["--eim-id", "a"], workingFolder: "/etc/eim" })),
		);
		for (const row of configReference(schema)) expect(text).toContain(row.description);
		expect(text).toContain("# integer, 0 to 65535 TCP port; EIM_ESIPA_PORT or --esipa-port\n  port: 8443\n");
	});

	test("a key that is also the group of another cannot be declared", () => {
		const one = setting.boolean({ default: true, description: "" });
		expect(() => defineConfig({ a: one, "a.b": one }, { prefix: "X" })).toThrow(TypeError);
	});

	test("durations print as they are read", () => {
		for (const text of ["500ms", "15s", "5min", "2h", "7d", "90s"])
			expect(printDuration(parseDuration(text)!)).toBe(text);
		expect(parseDuration("1.5h")).toBe(5_400_000);
		for (const text of ["", "15", "-1s", "5 weeks", "1e3s"]) expect(parseDuration(text)).toBeUndefined();
	});
});
