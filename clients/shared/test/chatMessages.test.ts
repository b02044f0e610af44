import { describe, expect, it } from "vitest";
import { chatMessages } from "../src/chatMessages";

const MESSAGES = [
  { role: "system", content: "Be kind,]" },
  { role: "user", content: "Who ran?\n" },
];

describe("chat messages in a selection", () => {
  it.each([
    ["a list", JSON.stringify(MESSAGES, null, 2)],
    ["a record of a data set", JSON.stringify({ id: 3, messages: MESSAGES })],
    ["a cell that names the list", `messages = ${JSON.stringify(MESSAGES)}\n`],
  ])("are found in %s", (_what, text) => {
    expect(chatMessages(text)).toEqual(MESSAGES);
  });

  it("are given without what else a message holds", () => {
    expect(chatMessages('[{"role": "user", "content": "Hi", "name": "Ada"}]')).toEqual([
      { role: "user", content: "Hi" },
    ]);
  });

  it.each([
    ["prose", 'The "role" of a list [1].'],
    ["other JSON", '{"messages": 3, "role": 1}'],
    ["an empty list", "[]"],
    ["a message whose content is no text", '[{"role": "user", "content": [{"type": "image"}]}]'],
    ["a message without a role", '[{"content": "Hi", "role": ""}]'],
    ["half a list", '[{"role": "user", "content": "Hi"}'],
    ["Python that is no JSON", "messages = [{'role': 'user', 'content': 'Hi'}]"],
  ])("are not seen in %s", (_what, text) => {
    expect(chatMessages(text)).toBeNull();
  });
});
