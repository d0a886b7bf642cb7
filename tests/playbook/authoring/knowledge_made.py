"""A small knowledge folder made for tests, in which nothing is wrong, and its two sources."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.conftest import write_documents

TODAY = date(2026, 3, 5)

SOURCES = {
    "900_guide.md": """# 读书群手册

## 1.1 起步

读书群在头三个月里招满2000名书友,其中五成愿意付费。每场活动的预算是1.5萬元,由管理員核對。

## 1.2 留人

簽到制度讓留存率從10%提升到25%,復讀的人多了3倍,而且願意把自己的書單分享給新來的朋友一起讀。
""",
    "901_questions.txt": """## 面试题

### 1. 怎么欢迎新书友？

**答案：** 先发群规，再请他介绍自己。

### 2. 怎么处理争吵？

**答案：** 听双方说完，在24小时内答复。
""",
}


def asks(about: str, count: int = 16) -> str:
    """So many asks that share nothing but what they are about."""
    return "\n".join(f"  - {about}第{number}问" for number in range(count))


START = f"""---
id: growth-start
title: 起步
audience: operator
stage: [种子]
tags: [起步]
sources: ["900#1.1"]
asks:
{asks("咋开张")}
updated: 2026-03-01
---

## 要点
- 先小后大（900 §1.1）。

## 怎么做
1. 定好谁轮值，每天看一遍。
2. 招人之前写好群规和公告。

## 指标与阈值
- 种子期的书友：2000人，付费的占50%（900 §1.1）。

## 案例
- 三个月里招到两千人，每场花一万五（900 §1.1）。

## 常见误区
- 只招不管。

## 相关
- [[growth-stay]]
"""
STAY = f"""---
id: growth-stay
title: 留人
audience: operator
stage: [成长, 成熟]
tags: [留存]
sources: ["900#1.2", "901#Q1"]
asks:
{asks("怎么才不走")}
updated: 2026-02-01
---

## 要点
- 签到能留人（900 §1.2）。

## 怎么做
1. 每天签到。

## 案例
- 有家读书群：留存由 10% 到 25%。（900 §1.2）（901 §Q1）

## 常见误区
- 送得太多。

## 相关
- [[growth-start]]
"""
QUARREL = f"""---
id: sop-quarrel
title: 争吵处理
audience: operator
stage: [成长]
tags: [争吵]
sources: ["901#Q2"]
asks:
{asks("吵起来了")}
updated: 2026-03-01
---

## 要点
- 两边都听（901 Q2）。

## 角色与权限
- 值班：【待填】。

## 怎么做：当场
1. 分开双方。

## 指标与阈值
- 答复时限：24小时（901 §Q2）。

## 常见误区
- 只听一边。

## 相关
- [[growth-stay]]
"""
REFUND = f"""---
id: member-refund
title: 退款
audience: member
template: true
stage: [成长]
tags: [退款]
sources: []
asks:
{asks("退钱")}
updated: 2026-03-01
---

## 要点
- 找【待填：联系人】。

## 常见误区
- 私下转账。

## 相关
- [[growth-stay]]
"""
CASES = """id,who,action,metric,effect,unit,direction,period,section
case-1,某读书群,起步,书友,2000人,人,level,3个月内,900#1.1
case-2,某读书群,签到,留存率,从10%到25%,%,up,,900#1.2
"""
BENCHMARKS = """# 起步
- id: seed-members
  name: 书友数
  metric: members
  operator: ">="
  value: 2000
  unit: person
  note: 案例
  section: "900#1.1"
- id: activity-budget
  name: 预算
  metric: budget
  operator: range
  value: [1.5, 1.5]
  unit: ten_thousand_cny
  note: 案例
  section: "900#1.1"
"""
GLOSSARY = "term,synonyms,english,note\n" + "".join(
    f"词{number},别名{number}|又名{number},word{number},主题\n" for number in range(400)
)
DICTIONARY = "# ours\n晨读营  # a course\nU享卡\n"

KNOWLEDGE = {
    "playbook/增长/start.md": START,
    "playbook/增长/stay.md": STAY,
    "sop/quarrel.md": QUARREL,
    "members/refund.md": REFUND,
    "cases.csv": CASES,
    "benchmarks.yaml": BENCHMARKS,
    "glossary.csv": GLOSSARY,
    "dictionary.txt": DICTIONARY,
}


def make_knowledge(folder: Path) -> Path:
    """Write the knowledge folder; the folder."""
    return write_documents(folder, KNOWLEDGE)


def make_sources(folder: Path) -> Path:
    """Write the source documents; the folder."""
    return write_documents(folder, SOURCES)
