// Exceptions through frames and threads, and the containers of the library.
#include <future>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>

struct Guard {
    int &count;
    ~Guard() { ++count; }
};

static int deep(int n, int &count)
{
    Guard guard{count};
    if (n == 0)
        throw std::runtime_error("bottom");
    return deep(n - 1, count) + 1;
}

int main()
{
    std::map<std::string, int> seen;
    for (int i = 0; i < 100; i++) {
        auto future = std::async(std::launch::async, [i] {
            int count = 0;
            try {
                deep(i, count);
            } catch (const std::runtime_error &error) {
                return count;
            }
            return -1;
        });
        seen[std::to_string(i % 10)] += future.get();
    }
    for (const auto &[name, count] : seen)
        std::cout << name << ' ' << count << '\n';
    return 0;
}
