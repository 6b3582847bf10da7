-- Adds many jobs to one queue.
--   KEYS[1]  the queue's key prefix
--   ARGV[1]  the jobs, in MessagePack: { {script, packed arguments, data, packed options, due in, earlier}, ... }
--            `due in` is in how many milliseconds a delayed job is due; `earlier` is { job id, attempts started,
--            attempts made } of a job that had attempts, else false
-- Returns an error message or false for each. A job whose id exists stays unchanged.
-- use: addStandardJob-9
-- use: addDelayedJob-6
-- use: addPrioritizedJob-9

local function keys(...)
    local names = { ... }
    for i, name in ipairs(names) do
        names[i] = KEYS[1] .. name
    end
    return names
end

local standard_keys = keys("wait", "paused", "meta", "id", "completed", "delayed", "active", "events", "marker")
local delayed_keys = keys("marker", "meta", "id", "delayed", "completed", "events")
local prioritized_keys =
    keys("marker", "meta", "id", "prioritized", "delayed", "completed", "active", "events", "pc")

local function server_time()
    local time = redis.call("TIME")
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- BullMQ counts a job's delay from its timestamp. Both are the record's, so the timestamp becomes what this server's
-- clock showed then: the job is due by this clock, with which the workers' scripts compare.
local function add_delayed(argv, due_in)
    local arguments = cmsgpack.unpack(argv[1])
    arguments[4] = server_time() + due_in - cmsgpack.unpack(argv[3]).delay
    return addDelayedJob(delayed_keys, { cmsgpack.pack(arguments), argv[2], argv[3] })
end

local scripts = {
    standard = function(argv) return addStandardJob(standard_keys, argv) end,
    delayed = add_delayed,
    prioritized = function(argv) return addPrioritizedJob(prioritized_keys, argv) end,
}

local replies = {}
for i, job in ipairs(cmsgpack.unpack(ARGV[1])) do
    local earlier = job[6]
    local is_known = earlier and redis.call("EXISTS", KEYS[1] .. earlier[1]) == 1
    local ok, reply = pcall(scripts[job[1]], { job[2], job[3], job[4] }, job[5])
    if ok and earlier and not is_known then
        redis.call("HSET", KEYS[1] .. earlier[1], "ats", earlier[2], "atm", earlier[3])
    end
    if not ok then
        replies[i] = type(reply) == "table" and reply.err or tostring(reply)
    elseif type(reply) == "number" and reply < 0 then
        replies[i] = "BullMQ error " .. reply
    else
        replies[i] = false
    end
end
return replies
